#ifndef QUEUE_COMMAND_H
#define QUEUE_COMMAND_H

#include <sys/types.h>

#include "lib/span.h"

/*
 * tern-queue as a command: takes one message from descriptor 0 and its
 * envelope from descriptor 1 for the user uid. has_reason says that descriptor
 * 6 was given to us for a reason; me is the name of this host. Returns the exit code.
 */
int command_run(uid_t uid, int has_reason, struct span me);

enum { COMMAND_REASON = 6, COMMAND_REASON_MAX = 255 };

#endif
