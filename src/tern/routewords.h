#ifndef TERN_ROUTEWORDS_H
#define TERN_ROUTEWORDS_H

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "wire/route.h"

/*
 * Routes and addresses as people write them. Those that need memory end the
 * program without.
 */

/* Appends "relay port 25, then other port 26", "the mail hosts in DNS"; with its options. */
void routewords_target(stralloc *out, struct route const *route);

/*
 * Reads a line "[sender blank] recipient"; <> is the null sender, and
 * sender.s is NULL when there is none. Returns 1, or 0 when the line is empty.
 */
int routewords_pair(struct span line, struct span *sender, struct span *recipient);

/* Without < and >. */
struct span routewords_address(struct span text);

#endif
