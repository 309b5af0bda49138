#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include <stdint.h>

#include "lib/netaddress.h"

/*
 * Connects by TCP, waiting until clock_monotonic() is deadline. local is the
 * address to come from, or NULL. Returns a blocking, close-on-exec socket
 * without Nagle's delay; or -1 with errno (ETIMEDOUT, ECONNREFUSED, ...).
 */
int connect_tcp(struct netaddress const *address, uint16_t port, struct netaddress const *local,
	int64_t deadline);

/*
 * The same in two steps: begin returns a non-blocking socket, or -1 with
 * errno. When poll(2) has said POLLOUT, end says what became of it: 0, and the
 * socket is as above; or -1 with errno, and the caller closes it.
 */
int connect_tcp_begin(
	struct netaddress const *address, uint16_t port, struct netaddress const *local);
int connect_tcp_end(int fd);

/*
 * Connects to the Unix socket of that path, waiting until clock_monotonic() is
 * deadline. Returns a blocking, close-on-exec socket; or -1 with errno
 * (ENAMETOOLONG, ENOENT, ETIMEDOUT, ...).
 */
int connect_unix(char const *path, int64_t deadline);

/*
 * A UDP socket that takes packets of that address and port alone, with a
 * random port of its own; close-on-exec. Returns it, or -1 with errno.
 */
int connect_udp(struct netaddress const *address, uint16_t port);

/*
 * Waits until fd is ready for the events of poll(2), or clock_monotonic() is
 * deadline. Returns 0, or -1 with errno (ETIMEDOUT).
 */
int connect_wait(int fd, short events, int64_t deadline);

#endif
