#ifndef SERVICE_LISTENERS_H
#define SERVICE_LISTENERS_H

#include "service/service.h"

/*
 * Takes the listening sockets that tern-listen left us: 0, and with
 * TERN_LISTENERS in the environment SERVICE_LISTENER_MORE and up. They become
 * close-on-exec and non-blocking. Returns how many; exits 100 when one is not
 * a listening socket.
 */
unsigned listeners_take(char const *program, int listeners[SERVICE_LISTENERS_MAX]);

#endif
