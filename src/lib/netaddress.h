#ifndef LIB_NETADDRESS_H
#define LIB_NETADDRESS_H

#include <sys/socket.h>

#include "lib/span.h"

/*
 * The network address of a peer: sixteen bytes, where an IPv4 address is the
 * mapped one (::ffff:192.0.2.1), so that one client is one address whichever
 * way it came.
 */
struct netaddress {
	unsigned char bytes[16];
};

/* The size of an address as text with its ending NUL. */
enum { NETADDRESS_TEXT_MAX = 46 };

/* Reads 192.0.2.1 or 2001:db8::1, without brackets or zone. Returns 0, or -1. */
int netaddress_parse(struct netaddress *address, struct span text);

/* The address of a socket. Returns 0, or -1 when it is neither IPv4 nor IPv6. */
int netaddress_of_socket(struct netaddress *address, struct sockaddr_storage const *socket);

/* From the four or sixteen bytes of DNS or a socket. Returns 0, or -1 when there are others. */
int netaddress_of_bytes(struct netaddress *address, struct span bytes);

/* Whether it is one of IPv4. */
int netaddress_is_v4(struct netaddress const *address);

/* Writes it as text, NUL ended. */
void netaddress_format(char text[NETADDRESS_TEXT_MAX], struct netaddress const *address);

#endif
