#ifndef TERN_PROGRESS_H
#define TERN_PROGRESS_H

#include <stdint.h>

/*
 * How far a long task is, on standard error: on a terminal in one line that
 * is written anew twice a second, elsewhere a line each ten seconds. A task
 * shorter than that says nothing.
 */
struct progress {
	char const *what; /* "messages checked" */
	uint64_t total, done;
	int64_t began, next;
	int is_shown, is_terminal;
};

void progress_begin(struct progress *progress, char const *what, uint64_t total);
void progress_step(struct progress *progress);
void progress_end(struct progress *progress);

#endif
