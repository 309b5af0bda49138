#ifndef NET_CONNECTRACE_H
#define NET_CONNECTRACE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/netaddress.h"

/*
 * Connections to several addresses of one host (RFC 8305, 5): in order, each
 * begun when the one before has failed or has had its head start, and the
 * first that stands wins. So an address that is dead, as those of one family
 * often are together, costs a moment and no timeout.
 */
enum {
	CONNECTRACE_MAX = 8,          /* addresses; further ones are left alone */
	CONNECTRACE_HEAD_START = 500, /* milliseconds */
};

struct connectrace {
	struct netaddress const *address;
	struct netaddress const *local; /* to come from; may be NULL */
	uint16_t port;
	int error; /* result: 0 when it won or was left alone; EINPROGRESS when it lost without
		      an answer in its head start; else why it failed */
	int fd;    /* for connect_race alone */
};

/*
 * Waits up to patience milliseconds for the last one begun. Returns a socket as
 * connect_tcp does with *winner, or -1 when all have failed.
 */
int connect_race(struct connectrace *racers, size_t count, int64_t patience, size_t *winner);

#endif
