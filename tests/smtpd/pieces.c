/*
 * pieces - whether a session depends on how its bytes come
 *
 * Descriptor 0 holds conversations: each a decimal length, a newline, and that
 * many bytes. Each is had in one piece, then cut at every place, then in pieces
 * of one byte and of sizes that readers use. For each one a line: "same N", or
 * "differs at PLACE", and what was said.
 */
#include "tests/smtpd/inprocess.h"

enum { CONVERSATION_MAX = 4 * 1024 * 1024, CUTS_MAX = 4000 };

static stralloc replies = STRALLOC_ZERO, queue = STRALLOC_ZERO;

static int
is_same(void)
{
	return lab.replies.len == replies.len && lab.queue.len == queue.len &&
	       (replies.len == 0 || memcmp(lab.replies.s, replies.s, replies.len) == 0) &&
	       (queue.len == 0 || memcmp(lab.queue.s, queue.s, queue.len) == 0);
}

static void
try(struct span bytes)
{
	static size_t const sizes[] = {1, 2, 3, 7, 1023, 1024, 1025, 4096, 8192, 32767, 65536};
	size_t step = bytes.len / CUTS_MAX + 1, runs = 1;

	lab_run_bytes(bytes, SIZE_MAX, 0);
	lab_need(stralloc_copy(&replies, &lab.replies) && stralloc_copy(&queue, &lab.queue));
	for (size_t cut = 1; cut < bytes.len; cut += step, runs++) {
		lab_run_bytes(bytes, SIZE_MAX, cut);
		if (!is_same()) {
			printf("differs at %zu\n%.*s", cut, (int)lab.replies.len, lab.replies.s);
			return;
		}
	}
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++, runs++) {
		lab_run_bytes(bytes, sizes[i], 0);
		if (!is_same()) {
			printf("differs by %zu\n%.*s", sizes[i], (int)lab.replies.len,
				lab.replies.s);
			return;
		}
	}
	printf("same %zu messages=%u replies=%zu\n", runs, lab.messages, lab.replies.len);
}

int
main(void)
{
	static char bytes[CONVERSATION_MAX];
	size_t len;

	lab_start();
	lab_log_drop();
	while (scanf("%zu", &len) == 1) {
		lab_need(getchar() == '\n' && len <= sizeof bytes &&
			 fread(bytes, 1, len, stdin) == len);
		try(span(bytes, len));
	}
	return 0;
}
