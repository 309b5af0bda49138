#ifndef NET_DNSSERVERS_H
#define NET_DNSSERVERS_H

#include "net/resolver.h"

/*
 * A part of the resolver: reads the servers unless they are known. Returns 0;
 * or -1 with *why and resolver->unusable.
 */
int resolver_servers_need(struct resolver *resolver, stralloc *why);

#endif
