#ifndef TERN_ROUTELOCAL_H
#define TERN_ROUTELOCAL_H

#include "lib/span.h"

/*
 * Adds to the facts which account and which file a local address leads to, as
 * far as this user may see. Returns the exit code.
 */
int routelocal(struct span address);

#endif
