#ifndef WIRE_SMTPPATH_H
#define WIRE_SMTPPATH_H

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * Addresses as the commands MAIL and RCPT carry them (RFC 5321, 4.1.2).
 * Everywhere else they are kept without quotes: what stands before the last @
 * is the local part, whatever bytes it has.
 */

/*
 * Whether SMTP can carry the address at all: no control characters, and none
 * but those of a name or a literal in its domain.
 */
int smtppath_is_possible(struct span address);

/*
 * Appends <address>, its local part quoted where it must be; <> for the empty
 * one. The address must be possible. Returns 1, or 0 without memory.
 */
int smtppath_append(stralloc *out, struct span address);

#endif
