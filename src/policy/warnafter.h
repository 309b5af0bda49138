#ifndef POLICY_WARNAFTER_H
#define POLICY_WARNAFTER_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * control/warnafter: how old a message is when its sender is told that it is
 * late: durations with commas between them, as in "4h,2d". Without the file, or
 * with 0, nobody is told.
 */
enum { WARNAFTER_TIMES = 8, WARNAFTER_MAX = 366 * 86400 };

struct warnafter {
	size_t times;
	uint64_t seconds[WARNAFTER_TIMES];
};

/* Reads the value. Returns 0, or -1 when it is none; *w is then unchanged. */
int warnafter_parse(struct warnafter *w, struct span value);

/* Reads the file. Returns 0, or -1 with *why; *w is then unchanged. */
int warnafter_load(struct warnafter *w, stralloc *why);

/*
 * When the next warning about a message that arrived then is due, of which the
 * last was given at `warned` (0: there was none; all in seconds since 1970).
 * UINT64_MAX: there is none any more.
 */
uint64_t warnafter_next(struct warnafter const *w, uint64_t arrival, uint64_t warned);

#endif
