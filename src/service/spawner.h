#ifndef SERVICE_SPAWNER_H
#define SERVICE_SPAWNER_H

#include <sys/types.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "wire/report.h"

/*
 * The loop of a spawner. Descriptor 0 is a packet socket from send, which asks
 * for workers (wire/workerrequest.h). For each request a pair of sockets is
 * made, one end goes to a new worker as its descriptor 0, the other to send
 * with the answer. Workers belong to send from then on: they end when it
 * closes their sockets. Here their ends are only seen and, when abnormal, logged.
 */
struct spawner {
	char const *program; /* its name, for the log */

	/*
	 * Starts a worker for destination with `socket` as its descriptor 0
	 * (spawn_fork gives the child what it needs; `socket` stays the
	 * loop's to close). Returns its pid; or 0 after setting *verdict to
	 * TROUBLE, DEFERRED or FAILED and appending the reason to *text; or
	 * -1 with errno, which is answered as TROUBLE. Must return within a
	 * bounded time: all requests wait meanwhile. SIGCHLD belongs to the
	 * loop; a child of its own must be waited for by its pid before it returns.
	 */
	pid_t (*start)(struct span destination, int socket, enum verdict *verdict, stralloc *text);
};

/*
 * Runs until send closes descriptor 0, and returns 0 then; workers that are
 * left end by themselves. Exits 100 when send sends what is no request, 111
 * when the loop can not be set up or the socket fails.
 */
int spawner_run(struct spawner const *spawner);

#endif
