#ifndef REMOTE_WORKER_H
#define REMOTE_WORKER_H

#include "remote/remote.h"

/*
 * Serves one destination: takes jobs from descriptor 0 and reports each, until
 * the other side closes it. Returns the exit code.
 */
int worker_run(struct remote *remote, struct span destination);

#endif
