#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include <stdint.h>

#include <skalibs/ip46.h>

/*
 * Connects by TCP, waiting until clock_monotonic() is deadline. local is the
 * address to come from, or NULL. Returns a blocking, close-on-exec socket
 * without Nagle's delay; or -1 with errno (ETIMEDOUT, ECONNREFUSED, ...).
 */
int connect_tcp(ip46 const *address, uint16_t port, ip46 const *local, int64_t deadline);

#endif
