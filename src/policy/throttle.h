#ifndef POLICY_THROTTLE_H
#define POLICY_THROTTLE_H

#include <stdint.h>

#include "lib/span.h"
#include "policy/domainmap.h"

/*
 * control/throttle: how much a destination gets at once, and in a time.
 *
 *   domain:connections[:messages/time]
 *
 * Looked up like smtproutes. Without a line: 20 connections, any rate.
 */
enum {
	THROTTLE_CONNECTIONS_DEFAULT = 20,
	THROTTLE_CONNECTIONS_MAX = 1000,
	THROTTLE_MESSAGES_MAX = 1000000,
	THROTTLE_TIME_MAX = 86400 /* seconds */
};

struct throttle_rule {
	uint32_t connections;
	uint32_t messages; /* in `seconds`; 0: any number */
	uint32_t seconds;
};

/* Reads the value of one line. Returns 0, or -1 with *reason. */
int throttle_parse(struct throttle_rule *rule, struct span value, char const **reason);

struct throttle {
	struct domainmap map;
};

/*
 * Loads control/throttle. A bad line is said in *why (each on a line of its
 * own) and does not count; the others do. Returns 0; or -1 with *why when the
 * file can not be read, and *throttle as it was.
 */
int throttle_load(struct throttle *throttle, stralloc *why);

/* The rule for a destination; never fails. *line is 0 when it is the default. */
void throttle_find(struct throttle const *throttle, struct span domain, struct throttle_rule *rule,
	unsigned *line);

void throttle_free(struct throttle *throttle);

#endif
