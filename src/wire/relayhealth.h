#ifndef WIRE_RELAYHEALTH_H
#define WIRE_RELAYHEALTH_H

#include <stdint.h>

#include "lib/netaddress.h"

/*
 * A relay or host that failed, as run/remote/health remembers it: one slot of
 * fixed size, a line of text filled up with blanks,
 *
 *   ADDRESS PORT FAILURES TIME
 *
 * FAILURES is how often it failed in a row, TIME when it did last, in seconds
 * since 1970. For a while after that it is tried last: a minute, then twice as
 * long with each failure, at most an hour. Whatever a slot holds, nothing
 * worse can come of it.
 */
enum {
	RELAYHEALTH_SLOT = 80,         /* bytes, the last one LF */
	RELAYHEALTH_SLOTS = 256,       /* of the file */
	RELAYHEALTH_PAUSE_MIN = 60,    /* seconds */
	RELAYHEALTH_PAUSE_MAX = 3600,  /* seconds */
	RELAYHEALTH_FAILURES_MAX = 999 /* are counted */
};

struct relayhealth {
	struct netaddress address;
	uint16_t port;
	unsigned failures; /* in a row, at least 1 */
	int64_t failed;    /* seconds since 1970 */
};

/* Writes a slot; more failures than the most are the most. */
void relayhealth_format(char slot[RELAYHEALTH_SLOT], struct relayhealth const *health);

/* Writes a slot that is free. */
void relayhealth_format_free(char slot[RELAYHEALTH_SLOT]);

/* Reads a slot. Returns 0; or -1 when it is free, or holds anything else. */
int relayhealth_parse(struct relayhealth *health, char const slot[RELAYHEALTH_SLOT]);

/*
 * The second until which it is tried last. It is over at any time before the
 * failure, too: a clock that was wrong must not keep a relay away.
 */
int64_t relayhealth_until(struct relayhealth const *health);
int relayhealth_is_paused(struct relayhealth const *health, int64_t now);

#endif
