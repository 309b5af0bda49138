#ifndef WIRE_XTEXT_H
#define WIRE_XTEXT_H

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * The coding of RFC 3461, 4: printable ASCII as it is, but for + and =, and any
 * byte as + and two hexadecimal digits, capital letters. In the queue such
 * values are kept as SMTP carries them.
 */

/*
 * Whether s is xtext, and what it stands for is printable ASCII and blanks: no
 * line end, no NUL, no control and no 8-bit byte comes out of it.
 */
int xtext_is_good(struct span s);

/*
 * Appends what it stands for, made harmless as text_append_clean does; what is
 * no code stays as it is. Returns 1, or 0 without memory.
 */
int xtext_append_decoded(stralloc *sa, struct span s);

#endif
