#ifndef NET_DNSEXCHANGE_H
#define NET_DNSEXCHANGE_H

#include <stdint.h>

#include "net/resolver.h"

/* One question to one server and its answer. */
struct dns_question {
	struct dns_name const *name;
	enum dns_type type;
	int edns;
};

/*
 * Ask over UDP from a fresh random port with a random id, or over TCP, until
 * clock_monotonic() is deadline. Return 0 with resolver->answer, or -1 with
 * errno: ETIMEDOUT, ECONNREFUSED, EBADMSG when what came is no answer, ...
 */
int dns_exchange_udp(struct resolver *resolver, struct resolver_server const *server,
	struct dns_question const *question, int64_t deadline);
int dns_exchange_tcp(struct resolver *resolver, struct resolver_server const *server,
	struct dns_question const *question, int64_t deadline);

#endif
