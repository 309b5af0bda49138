#ifndef SMTPD_SETTINGS_H
#define SMTPD_SETTINGS_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "net/resolver.h"
#include "policy/access.h"
#include "policy/domainmap.h"
#include "policy/domains.h"

enum {
	TIMEOUT_DEFAULT = 300, /* seconds; RFC 5321, 4.5.3.2.7 */
	RECIPIENTS_DEFAULT = 1000,
	RECIPIENTS_MAX = 100000,
	REVERSE_TIMEOUT_DEFAULT = 3, /* seconds */
	REVERSE_TIMEOUT_MAX = 30,
	SETTINGS_DNS_MAX = 2 /* servers that are asked */
};

/* What control/ says, read once for all clients. */
struct settings {
	stralloc me;
	stralloc greeting;
	stralloc localiphost;
	uint64_t databytes; /* 0: no limit */
	uint64_t recipients;
	uint64_t timeout; /* seconds */
	uint64_t detail;  /* log commands and replies */
	int has_rcpthosts;
	struct domainmap rcpthosts;
	struct domainmap badmailfrom;
	struct domains domains;
	struct access access;
	struct access proxies; /* who passes on connections of others */
	uint64_t
		reverse_timeout; /* seconds to wait for the client's name; 0: it is not asked for */
	struct resolver_server dns[SETTINGS_DNS_MAX];
	size_t dns_servers;
};

#define SETTINGS_ZERO                                                                              \
	{                                                                                          \
		STRALLOC_ZERO, STRALLOC_ZERO, STRALLOC_ZERO, 0, 0, 0, 0, 0, DOMAINMAP_ZERO,        \
			DOMAINMAP_ZERO, DOMAINS_ZERO, ACCESS_ZERO, ACCESS_ZERO, 0, {{{{0}}, 0}}, 0 \
	}

/* Reads all of them. Returns 0; or -1 with *why, and *settings as it was. */
int settings_load(struct settings *settings, stralloc *why);

#endif
