#ifndef LISTEN_ADDRESS_H
#define LISTEN_ADDRESS_H

#include <sys/socket.h>

#include "lib/span.h"

/*
 * Where to listen: 127.0.0.1:2525, [::1]:2525 or unix:PATH. [::] means IPv6
 * and IPv4, unless IPv4 has an address of its own with the same port.
 */
struct listen_address {
	struct sockaddr_storage socket;
	socklen_t len;
	int v6_only;
};

/* Reads one. Returns 0, or -1 with *reason, a part of a sentence. */
int listen_address_parse(struct listen_address *address, struct span text, char const **reason);

/* The port, 0 for a Unix socket. */
unsigned listen_address_port(struct listen_address const *address);

#endif
