#ifndef WIRE_VERP_H
#define WIRE_VERP_H

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * Variable envelope return paths, as in qmail: a sender "list-@host-@[]" stands
 * for another one for each recipient, "list-user=domain@host", so that a bounce
 * says by its address whom it is about.
 */

/* Whether the sender is of that form. */
int verp_is_pattern(struct span sender);

/*
 * Appends the sender for one recipient to *sa. A recipient without an @ has an
 * empty domain. Returns 1, or 0 without memory. Only for a pattern.
 */
int verp_expand(stralloc *sa, struct span sender, struct span recipient);

#endif
