#ifndef NET_MAILHOSTS_H
#define NET_MAILHOSTS_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/netaddress.h"
#include "lib/span.h"
#include "net/resolver.h"
#include "wire/dnsmessage.h"
#include "wire/route.h"

/*
 * From a destination to the addresses to try, in order (RFC 5321, 5.1).
 *
 * A route with relays: their A and AAAA, no MX, whatever the addresses are.
 * Else [192.0.2.1] or [IPv6:2001:db8::1]: that address. Else MX in order of
 * preference, equals in random order; without MX the host itself. Hosts from
 * the best one on that is ourselves are dropped, and so are addresses that
 * mean this machine or this wire (loopback, link-local, multicast, ...). A
 * route with bind= leaves hosts of the other family out in any case.
 */
enum {
	MAILHOSTS_MAX = ROUTE_RELAYS_MAX, /* addresses of a route: at least one for each relay */
	MAILHOSTS_MX_MAX = 20,            /* addresses of MX hosts */
	MAILHOSTS_HOST_MAX = 8,           /* addresses of one host */
	MAILHOSTS_NAMES_MAX = 40,         /* MX hosts that are looked at */
	MAILHOSTS_TIME_MAX = 60000        /* milliseconds; then what was found has to do */
};

struct mailhost {
	struct dns_name name; /* of the host; for an address in the route or domain its text */
	struct netaddress address;
	uint16_t port; /* 0: a Unix socket, whose path is the name; it has no address */
	uint16_t rank; /* counts up from 0; equals have the same */
	enum relay_protocol protocol;
};

struct mailhosts_settings {
	uint16_t port;     /* of MX hosts: control/smtpport, normally 25 */
	int allowloopback; /* control/allowloopback, for tests: loopback is like any other */
	/* Whether this is a name of this host. May be NULL. */
	int (*is_own_name)(void *context, struct span name);
	void *context;
	/* Unless NULL, called with what was found and what is left out, a line for a person each.
	 */
	void (*note)(void *context, char const *line);
	void *note_context;
};

/*
 * Reads control/smtpport and control/allowloopback; is_own_name and note become NULL.
 * Returns 0, or -1 with *why.
 */
int mailhosts_settings_read(struct mailhosts_settings *settings, stralloc *why);

enum mailhosts_result {
	MAILHOSTS_FOUND,     /* at least one */
	MAILHOSTS_PERMANENT, /* mail for this destination can not be delivered */
	MAILHOSTS_TROUBLE    /* DNS trouble, or a route that leads nowhere: later */
};

struct mailhosts {
	size_t length;
	struct mailhost host[MAILHOSTS_MAX];
	char const *code; /* unless found: the enhanced status code (RFC 3463) */
};

/*
 * Finds them. route is NULL or has no relays when MX decides. Unless found,
 * *why gets a sentence for a person without the code.
 */
enum mailhosts_result mailhosts_find(struct mailhosts *list, struct resolver *resolver,
	struct span destination, struct route const *route,
	struct mailhosts_settings const *settings, stralloc *why);

#endif
