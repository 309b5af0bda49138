#include "tests/smtpd/inprocess.h"

#include <stdint.h>

/*
 * DATA and BDAT as a whole server frames them, against the rules of RFC 5321
 * and 3030 written down in the simplest way. Short texts only: longer ones may
 * be refused for other reasons.
 */
enum { SIZE_LIMIT = 1000 };

static char const begin[] = "EHLO x\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<x@local.test>\r\n";
static stralloc said, text, envelope;

/* Lines into text, without the dots of DATA. Returns whether they are a message. */
static int
reference(struct span rest, int dots)
{
	text.len = 0;
	for (;;) {
		struct span line = rest;
		size_t end = 0;

		while (end < rest.len && !strchr("\r\n", rest.s[end])) /* or a NUL */
			end++;
		line.len = end;
		if (end == rest.len && !dots)
			return stralloc_catb(&text, line.s, end) &&
			       (end == 0 || stralloc_cats(&text, "\n"));
		if (rest.len - end < 2 || rest.s[end] != '\r' || rest.s[end + 1] != '\n')
			return 0;
		rest = span(rest.s + end + 2, rest.len - end - 2);
		if (dots && line.len && line.s[0] == '.') {
			line = span(line.s + 1, line.len - 1);
			if (line.len == 0)
				return 1;
		}
		if (!stralloc_catb(&text, line.s, line.len) || !stralloc_cats(&text, "\n"))
			abort();
	}
}

/* The first message is the one expected, or there is none. */
static void
session_check(int is_message, size_t piece)
{
	size_t len = text.len + envelope.len;

	lab_run_bytes(span(said.s, said.len), piece, 0);
	if (!is_message)
		lab_need(lab.messages == 0);
	else
		lab_need(lab.messages > 0 && lab.queue.len >= len &&
			 span_equal(span(lab.queue.s, text.len), span(text.s, text.len)) &&
			 span_equal(span(lab.queue.s + text.len, envelope.len),
				 span(envelope.s, envelope.len)));
}

static void
say(char const *s, size_t len)
{
	lab_need(len == 0 || stralloc_catb(&said, s, len));
}

/* What the client says after "DATA". */
static void
data_check(struct span bytes, size_t piece)
{
	said.len = 0;
	say(begin, sizeof begin - 1);
	say("DATA\r\n", 6);
	say(bytes.s, bytes.len);
	session_check(reference(bytes, 1), piece);
}

/* Chunks: a byte that is the length, and the text. */
static void
chunks_check(struct span bytes, size_t piece)
{
	static stralloc whole;
	char command[32];

	said.len = whole.len = 0;
	say(begin, sizeof begin - 1);
	do {
		size_t n = bytes.len ? (unsigned char)bytes.s[0] : 0;

		if (bytes.len)
			bytes = span(bytes.s + 1, bytes.len - 1);
		if (n > bytes.len)
			n = bytes.len;
		say(command, (size_t)snprintf(command, sizeof command, "BDAT %zu%s\r\n", n,
				     n == bytes.len ? " LAST" : ""));
		say(bytes.s, n);
		lab_need(n == 0 || stralloc_catb(&whole, bytes.s, n));
		bytes = span(bytes.s + n, bytes.len - n);
	} while (bytes.len);
	session_check(reference(span(whole.s, whole.len), 0), piece);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

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
	lab_settings.limits.databytes = 0;
	data_check(SPAN_LITERAL(".\r\n"), SIZE_MAX);
	lab_need(stralloc_copy(&envelope, &lab.queue));
	return 0;
}

/* The first byte says how large the pieces are in which the session gets it. */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct span bytes;

	if (size == 0 || size > SIZE_LIMIT)
		return 0;
	bytes = span((char const *)data + 1, size - 1);
	for (int i = 0; i < 2; i++) {
		size_t piece = i ? data[0] % 32 + 1u : SIZE_MAX;

		data_check(bytes, piece);
		chunks_check(bytes, piece);
	}
	return 0;
}
