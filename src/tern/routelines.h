#ifndef TERN_ROUTELINES_H
#define TERN_ROUTELINES_H

#include "policy/domainmap.h"
#include "policy/routes.h"

/*
 * Which other lines of smtproutes and senderroutes are about the same mail as
 * the one that was found.
 */

/* The texts of both, as people see them. Returns 0, or -1 with *why. */
struct routelines {
	struct domainmap routes, senders;
};

#define ROUTELINES_ZERO                                                                            \
	{                                                                                          \
		DOMAINMAP_ZERO, DOMAINMAP_ZERO                                                     \
	}

int routelines_load(struct routelines *lines, stralloc *why);
void routelines_free(struct routelines *lines);

/* The value of a line; empty when there is none. */
struct span routelines_value(struct domainmap const *map, unsigned line);

/*
 * Calls with each line that would count if the found one were not there, and
 * why it does not: "control/smtproutes:9: .example:x: a later line has the
 * same key".
 */
void routelines_shadowed(struct routelines const *lines, struct span sender, struct span domain,
	struct route_match const *match, void (*tell)(struct span text));

#endif
