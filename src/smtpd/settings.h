#ifndef SMTPD_SETTINGS_H
#define SMTPD_SETTINGS_H

#include <stdint.h>

#include <skalibs/cdb.h>
#include <skalibs/stralloc.h>

#include "net/resolver.h"
#include "policy/access.h"
#include "policy/domainmap.h"
#include "policy/domains.h"
#include "smtpd/dnsbls.h"
#include "smtpd/limits.h"

enum {
	REVERSE_TIMEOUT_DEFAULT = 3, /* seconds */
	REVERSE_TIMEOUT_MAX = 30,
	SETTINGS_DNS_MAX = 2 /* servers that are asked */
};

/* What control/ says, read once for all clients. */
struct settings {
	stralloc me;
	stralloc greeting;
	stralloc localiphost;
	struct limits limits;
	uint64_t detail;           /* log commands and replies */
	uint64_t check_recipients; /* ask tern-verify whether they exist */
	int has_rcpthosts;
	struct domainmap rcpthosts;
	cdb morercpthosts; /* no map: there is none */
	struct domainmap badhelo, badmailfrom, badrcptto;
	struct dnsbls dnsbls;
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
		.me = STRALLOC_ZERO                                                                \
	}

/* Reads all of them. Returns 0; or -1 with *why, and *settings as it was. */
int settings_load(struct settings *settings, stralloc *why);

#endif
