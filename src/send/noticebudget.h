#ifndef SEND_NOTICEBUDGET_H
#define SEND_NOTICEBUDGET_H

#include <stdint.h>

#include "lib/span.h"

/*
 * How many notices go to one address and to one domain in a time, so that a
 * storm of failures does not become one of bounces, which somebody whose
 * address was forged would get.
 */
struct notice_rate {
	uint64_t count, seconds; /* so many in so many seconds */
};

/*
 * Takes one notice out of what is left for the address and its domain. Returns
 * 0; or when nothing is left how many seconds it should wait before it asks
 * again: those that ask are given places in turn. *first is then 1 when none
 * waited before. Memory is bounded: of the addresses that are not written to
 * much some may be forgotten, and get their full share again; so does everybody
 * when a limit changes. now: monotonic, in microseconds.
 */
uint64_t noticebudget_take(struct span address, struct notice_rate const *to_address,
	struct notice_rate const *to_domain, int64_t now, int *first);

#endif
