#ifndef LIB_UTF8_H
#define LIB_UTF8_H

#include "lib/span.h"

/*
 * Whether s is well-formed UTF-8 (RFC 3629): no overlong form, no surrogate,
 * nothing above U+10FFFF, no sequence cut short. ASCII is, controls too.
 */
int utf8_is_valid(struct span s);

/* Whether s is ASCII alone. */
int utf8_is_ascii(struct span s);

/*
 * Takes the next character off *s, which must be valid and not empty.
 * Returns its code point.
 */
unsigned long utf8_next(struct span *s);

#endif
