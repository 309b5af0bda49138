#ifndef SERVICE_WORKER_H
#define SERVICE_WORKER_H

#include "service/service.h"

/*
 * The life of a worker: serves the connection, tells the parent over the
 * packet socket that it is done, waits there for the next one, and ends when
 * the parent closes it. SIGTERM makes the connection at hand seem to end.
 */
_Noreturn void worker_run(struct service const *service, int parent, int connection);

#endif
