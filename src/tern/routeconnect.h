#ifndef TERN_ROUTECONNECT_H
#define TERN_ROUTECONNECT_H

#include "lib/span.h"

/*
 * Lets bin/tern-remote go as far as RCPT for this recipient, and adds the
 * conversation and what came of it to the facts. Returns the exit code.
 */
int routeconnect(struct span domain, struct span sender, struct span recipient);

#endif
