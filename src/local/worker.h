#ifndef LOCAL_WORKER_H
#define LOCAL_WORKER_H

#include "local/mail.h"

/*
 * Serves jobs of this recipient from the packet socket on descriptor 0 until
 * send closes it. Exits 100 when what comes is no job, 111 when the socket fails.
 */
void worker_run(struct mail *mail, struct recipient const *to);

#endif
