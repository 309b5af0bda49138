#ifndef SERVICE_RATES_H
#define SERVICE_RATES_H

#include <stdint.h>

#include "lib/netaddress.h"

/*
 * How much each client has had lately, in memory of a fixed size. A client is
 * an address of IPv4 or a /64 of IPv6. What it has had flows off evenly: with
 * 100 an hour one may have 100 at once, and then one each 36 seconds.
 *
 * The table is made of small sets; where a client belongs is a secret. A
 * client that is new in a full set takes the place of the one that has used up
 * the least of its limits: so who is over a limit is not forgotten because of
 * many others who come once.
 */
enum rate { RATE_CONNECTIONS, RATE_MESSAGES, RATE_RECIPIENTS, RATE_ERRORS, RATES };

enum { RATES_SETS = 2048, RATES_WAYS = 8 };

/* count in so many seconds; count 0: no limit. */
struct rate_limit {
	uint32_t count;
	uint32_t seconds;
};

struct rates {
	struct rate_limit limits[RATES];
	struct rates_entry *entries; /* NULL: there is no limit */
	uint64_t secret[2];
};

/*
 * Sets the limits, and makes the table when there is one; what was counted
 * stays. Returns 0, or -1 without memory.
 */
int rates_configure(struct rates *rates, struct rate_limit const limits[RATES]);

/* Gives the client up to `wanted` of what is left to it. now is clock_monotonic(). */
uint32_t rates_take(struct rates *rates, struct netaddress const *client, enum rate rate,
	uint32_t wanted, int64_t now);

/* The client did not use so many of what it took. */
void rates_return(
	struct rates *rates, struct netaddress const *client, enum rate rate, uint32_t unused);

/* Counts what has happened already, whether or not that is over the limit. */
void rates_count(struct rates *rates, struct netaddress const *client, enum rate rate,
	uint32_t count, int64_t now);

/* Whether the client has used up all of it. Does not count. */
int rates_is_over(
	struct rates const *rates, struct netaddress const *client, enum rate rate, int64_t now);

#endif
