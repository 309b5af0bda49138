#include "tests/smtpd/inprocess.h"

#include <stdint.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* libFuzzer has its own way to write once descriptor 2, where the log goes, is closed. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char *arguments[64], mask[] = "-close_fd_mask=2";

	if (*argc < 62) {
		memcpy(arguments, *argv, (size_t)*argc * sizeof *arguments);
		arguments[(*argc)++] = mask;
		*argv = arguments;
	}
	lab_start();
	lab_settings.limits.databytes = 500;
	lab_settings.limits.recipients = 5;
	return 0;
}

/* Each line ends in CR LF, begins with a code, and is printable. */
static void
replies_check(void)
{
	struct span rest = span(lab.replies.s, lab.replies.len);

	while (rest.len) {
		struct span line = span_cut(&rest, '\n');

		lab_need(line.len >= 5 && line.len <= 512 && line.s[line.len - 1] == '\r' &&
			 line.s[0] >= '2' && line.s[0] <= '5');
		for (size_t i = 0; i + 1 < line.len; i++)
			lab_need(line.s[i] >= ' ' && line.s[i] <= '~');
	}
}

/* No CR in the queue, and NUL only where a record ends. */
static void
queue_check(void)
{
	size_t text = lab.text.len;

	lab_need(lab.queue.len == 0 || !memchr(lab.queue.s, '\r', lab.queue.len));
	lab_need(text == 0 || lab.messages == 0 || !memchr(lab.text.s, '\0', text));
	lab_need(lab.messages == 0 || lab.queue.len > 0);
}

/* A byte of choices, then what the client says: the same in one piece and in others. */
int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	static stralloc replies, queue;
	struct span bytes;

	if (size == 0)
		return 0;
	bytes = span((char const *)data + 1, size - 1);
	lab.proxied = data[0] & 1;
	lab.refuse = data[0] >> 1 & 1;
	lab.line_feed = (enum data_line_feed)((data[0] >> 2 & 3) % DATA_LF_KINDS);
	lab_run_bytes(bytes, SIZE_MAX, 0);
	replies_check();
	queue_check();
	if (lab_depends_on_pieces())
		return 0;
	lab_need(stralloc_copy(&replies, &lab.replies) && stralloc_copy(&queue, &lab.queue));
	lab_run_bytes(bytes, (size_t)(data[0] >> 4) + 1, 0);
	replies_check();
	queue_check();
	if (lab_depends_on_pieces())
		return 0;
	lab_need(replies.len == lab.replies.len && queue.len == lab.queue.len &&
		 memcmp(replies.s, lab.replies.s, replies.len) == 0 &&
		 (queue.len == 0 || memcmp(queue.s, lab.queue.s, queue.len) == 0));
	return 0;
}
