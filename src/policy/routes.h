#ifndef POLICY_ROUTES_H
#define POLICY_ROUTES_H

#include <stdint.h>

#include "lib/span.h"
#include "policy/domainmap.h"
#include "policy/filestamp.h"
#include "policy/routetable.h"
#include "wire/route.h"

/*
 * control/relayhost, senderroutes and smtproutes, in this order: where mail
 * goes before anyone asks DNS. What a line says is in wire/route.h.
 *
 * relayhost decides alone. A key of senderroutes is a whole sender, @domain, a
 * suffix of its domain that begins with a dot, or empty; when its line has no
 * relays, smtproutes says where to, and what its options say goes before those
 * of smtproutes. A key of smtproutes is a domain, a suffix that begins with a
 * dot, or empty; or "!@" for the null sender, looked up first.
 */
struct routes {
	struct routetable table;
	struct domainmap senders;
	stralloc relayhost; /* the value of control/relayhost; empty: none */
	struct filestamp senders_stamp, relayhost_stamp;
};

#define ROUTES_ZERO                                                                                \
	{                                                                                          \
		ROUTETABLE_ZERO, DOMAINMAP_ZERO, STRALLOC_ZERO, {0, 0, 0, 0, 0},                   \
		{                                                                                  \
			0, 0, 0, 0, 0                                                              \
		}                                                                                  \
	}

/*
 * Loads the files, or only looks whether they have changed since the last
 * call. Returns 0, or -1 with *why when one can not be read.
 */
int routes_refresh(struct routes *routes, stralloc *why);

enum route_source { ROUTE_MX, ROUTE_SMTPROUTES, ROUTE_RELAYHOST, ROUTE_SENDERROUTES };

struct route_match {
	enum route_source source; /* what says where to */
	unsigned line;            /* of its file, of smtproutes for ROUTE_MX; 0: no line */
	unsigned sender_line;     /* of control/senderroutes that counts; 0: none */
	struct route route;
};

/* The name of its file in control/; NULL for ROUTE_MX. */
char const *route_source_file(enum route_source source);

/*
 * The route of mail from a sender ("": the null sender; without bytes,
 * sender.s NULL: no matter who) to a domain ("[192.0.2.1]" is matched like a
 * name). Returns 0; or -1 with *why when a line that matches is wrong (mail
 * for it waits).
 */
int routes_find(struct routes const *routes, struct span sender, struct span domain,
	struct route_match *match, stralloc *why);

void routes_free(struct routes *routes);

#endif
