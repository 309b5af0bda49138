#ifndef WIRE_ROUTE_H
#define WIRE_ROUTE_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/netaddress.h"
#include "lib/span.h"

/*
 * The value of a line of control/smtproutes or control/senderroutes, or
 * control/relayhost:
 *
 *   relays[ option=value ...]
 *
 * relays is empty (use MX), or a list: "," separates alternatives in order of
 * preference, "+" joins equals that share the load. A relay is host, host:port,
 * 1.2.3.4:port, [v6] or [v6]:port. qmail's values keep their exact meaning.
 * After "lmtp:" it is spoken to by LMTP (RFC 2033), and may also be the path of
 * a Unix socket, which begins with a slash; "lmtp:24" is still port 24 of a
 * host called lmtp.
 *
 *   bind=ADDRESS  the address to come from; once for IPv4, once for IPv6. With
 *                 one family only, hosts of the other one are left alone.
 *   helo=NAME     what we call ourselves
 *
 * An option that is not known is an error: to leave out what it asks for could
 * send mail in the clear or without a password.
 */
enum {
	ROUTE_RELAYS_MAX = 32,
	ROUTE_PORT_DEFAULT = 25,
	ROUTE_LMTP_PORT_DEFAULT = 24,
	ROUTE_PATH_MAX = 107 /* what fits into the address of a Unix socket */
};

enum relay_protocol { RELAY_SMTP, RELAY_LMTP };

struct relay {
	struct span host; /* a name, an address without brackets, or a path */
	uint16_t port;    /* 0: host is the path of a Unix socket */
	uint16_t rank;    /* alternatives count up from 0; equals have the same */
	enum relay_protocol protocol;
};

enum route_family { ROUTE_V4, ROUTE_V6, ROUTE_FAMILIES };

struct route {
	size_t relays; /* 0: use MX */
	struct relay relay[ROUTE_RELAYS_MAX];
	int bound[ROUTE_FAMILIES]; /* whether bind= names an address of that family */
	struct netaddress source[ROUTE_FAMILIES];
	struct span helo; /* empty: control/helohost */
};

/*
 * Reads one relay, with the port to take when it names none. The span looks
 * into text. Returns 0, or -1 with *reason (a part of a sentence).
 */
int relay_parse(struct relay *relay, struct span text, uint16_t port_default, char const **reason);

/* Appends it for a person: "host port 25", "host port 24 by LMTP". Returns 1, or 0 without memory.
 */
int relay_describe(stralloc *out, struct relay const *relay);

/*
 * Reads the value; the spans look into it. Returns 0, or -1 with *reason (a
 * part of a sentence).
 */
int route_parse(struct route *route, struct span value, char const **reason);

/* The address to come from when going there; NULL when any will do. */
struct netaddress const *route_source(struct route const *route, struct netaddress const *to);

/* Whether bind= leaves hosts with such an address to be tried. */
int route_allows(struct route const *route, struct netaddress const *to);

#endif
