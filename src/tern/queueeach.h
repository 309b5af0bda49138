#ifndef TERN_QUEUEEACH_H
#define TERN_QUEUEEACH_H

#include "tern/queueaccess.h"
#include "tern/queueoptions.h"

typedef void queue_each_function(void *context, struct queued const *message);

/*
 * Calls f for each message that the options ask for and that is not done,
 * oldest first; without ids on the command line, of all the queue, in bounded
 * memory. Returns 0; or -1 when some could not be read or are not there, which
 * was said.
 */
int queue_each(struct queue_access *access, struct queue_options const *options,
	queue_each_function *f, void *context);

#endif
