#ifndef POLICY_ROUTES_H
#define POLICY_ROUTES_H

#include <stdint.h>

#include "lib/span.h"
#include "policy/domainmap.h"
#include "wire/route.h"

/*
 * control/smtproutes and control/relayhost: where mail for a domain goes
 * before anyone asks DNS. What a line says is in wire/route.h; a key is a
 * domain, a suffix that begins with a dot, or empty.
 */
struct routes {
	struct domainmap map;
	stralloc relayhost; /* the value of control/relayhost; empty: none */
	/* what the files looked like when they were read, so that an unchanged file is not read
	 * again */
	struct routes_stamp {
		uint64_t inode, size, seconds, nanoseconds;
	} stamp[2];
};

#define ROUTES_ZERO                                                                                \
	{                                                                                          \
		DOMAINMAP_ZERO, STRALLOC_ZERO,                                                     \
		{                                                                                  \
			{0, 0, 0, 0},                                                              \
			{                                                                          \
				0, 0, 0, 0                                                         \
			}                                                                          \
		}                                                                                  \
	}

/*
 * Loads the files, or only looks whether they have changed since the last
 * call. Returns 0, or -1 with *why when one can not be read.
 */
int routes_refresh(struct routes *routes, stralloc *why);

enum route_source { ROUTE_MX, ROUTE_SMTPROUTES, ROUTE_RELAYHOST };

struct route_match {
	enum route_source source;
	unsigned line; /* of its file, 0 for ROUTE_MX without a line */
	struct route route;
};

/*
 * The route of a domain ("[192.0.2.1]" is matched like a name). Returns 0; or
 * -1 with *why when the line that matches is wrong (mail for it waits).
 */
int routes_find(
	struct routes const *routes, struct span domain, struct route_match *match, stralloc *why);

void routes_free(struct routes *routes);

#endif
