#ifndef POLICY_OWNNAMES_H
#define POLICY_OWNNAMES_H

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "policy/domainmap.h"

/* The names of this host, to which nothing is sent by SMTP: control/me and locals. */
struct ownnames {
	stralloc me;
	struct domainmap locals;
};

#define OWNNAMES_ZERO                                                                              \
	{                                                                                          \
		STRALLOC_ZERO, DOMAINMAP_ZERO                                                      \
	}

/* Reads them. Returns 0, or -1 with *why. */
int ownnames_load(struct ownnames *names, stralloc *why);

/* Whether it is one of them; context is the struct ownnames. */
int ownnames_has(void *context, struct span name);

#endif
