#ifndef POLICY_DOMAINS_H
#define POLICY_DOMAINS_H

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "policy/domainmap.h"

/*
 * Which addresses are delivered on this machine, and as whom: control/me,
 * locals, virtualdomains, envnoathost, percenthack, in qmail-send's order.
 */
struct domains {
	stralloc me;
	stralloc envnoathost;
	int me_is_local; /* there is no control/locals: me is local, alone */
	struct domainmap locals;
	struct domainmap virtualdomains; /* key:prefix */
	struct domainmap percenthack;
};

#define DOMAINS_ZERO                                                                               \
	{                                                                                          \
		STRALLOC_ZERO, STRALLOC_ZERO, 0, DOMAINMAP_ZERO, DOMAINMAP_ZERO, DOMAINMAP_ZERO    \
	}

/* Reads the settings. Returns 0; or -1 with *why, and *domains as it was. */
int domains_load(struct domains *domains, stralloc *why);

enum address_kind { ADDRESS_LOCAL, ADDRESS_REMOTE };

/* Which line decided; file is NULL when none did and the address is remote. */
struct domains_reason {
	char const *file; /* in control/: locals, me or virtualdomains */
	unsigned line;
};

/*
 * Decides about one recipient. *address becomes the address to deliver to,
 * ended by a NUL that len does not count: for ADDRESS_LOCAL the local address
 * with the prefix of its virtual domain ("alias-list@example.org"), for
 * ADDRESS_REMOTE the address with a domain. *domain looks into *address, at
 * what follows the last @. Returns the kind, or -1 without memory.
 */
int domains_route(struct domains const *domains, struct span recipient, stralloc *address,
	struct span *domain);

/* The same, with the reason. */
int domains_explain(struct domains const *domains, struct span recipient, stralloc *address,
	struct span *domain, struct domains_reason *reason);

/*
 * Whether mail for this domain is ours to accept: in locals, or matched by a
 * key of virtualdomains that has a value. The empty key does not make every
 * domain ours.
 */
int domains_is_ours(struct domains const *domains, struct span domain);

void domains_free(struct domains *domains);

#endif
