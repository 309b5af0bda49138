#ifndef POLICY_RETRY_H
#define POLICY_RETRY_H

#include <stdint.h>

#include "lib/span.h"
#include "policy/domainmap.h"

/*
 * control/retry: when a destination is tried again, and how often.
 *
 *   domain[/class]:attempts:interval[,interval...]
 *
 * Looked up like smtproutes; for each key the line with the class of the
 * trouble (wire/deferral.h) goes before the one without. attempts 0: no limit but queuelifetime.
 * The last interval repeats. Without the file: ":0:5m,10m,20m,40m,1h,2h,4h".
 */
enum {
	RETRY_INTERVALS_MAX = 64,
	RETRY_ATTEMPTS_MAX = 1000000,
	RETRY_INTERVAL_MAX = 366 * 86400 /* seconds */
};

struct retry_rule {
	uint32_t attempts; /* 0: unlimited */
	size_t intervals;
	uint32_t interval[RETRY_INTERVALS_MAX]; /* seconds */
};

/* Reads the value of one line: what stands after the first colon. Returns 0, or -1 with *reason. */
int retry_parse(struct retry_rule *rule, struct span value, char const **reason);

struct retry {
	struct domainmap map;
	uint32_t longest; /* of all intervals, also the built-in ones: seconds */
};

#define RETRY_ZERO                                                                                 \
	{                                                                                          \
		DOMAINMAP_ZERO, 0                                                                  \
	}

/*
 * Loads control/retry. A bad line is said in *why (each on a line of its own)
 * and does not count; the others do. Returns 0; or -1 with *why when the file
 * can not be read, and *retry as it was.
 */
int retry_load(struct retry *retry, stralloc *why);

/*
 * The rule for a destination and a class of trouble ("" for none); never
 * fails. *line is 0 when it is the default.
 */
void retry_find(struct retry const *retry, struct span domain, char const *class,
	struct retry_rule *rule, unsigned *line);

/* Seconds from attempt number `attempt` (1 is the first) to the next. */
uint32_t retry_interval(struct retry_rule const *rule, uint32_t attempt);

/*
 * What a message waits beyond the interval, so that what was deferred together
 * does not come back together: up to a sixteenth of it, the same each time.
 * Nothing for an interval below a minute, which is meant as it is said.
 */
uint32_t retry_jitter(uint64_t id, uint32_t interval);

void retry_free(struct retry *retry);

#endif
