#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * Appends foreign bytes so that they can do no harm in a log, a reply or a
 * terminal: printable ASCII and blanks stay, all else becomes '?'. Returns 1,
 * or 0 without memory, as stralloc does.
 */
int text_append_clean(stralloc *sa, struct span foreign);

/* Appends n in decimal. Returns 1, or 0 without memory. */
int text_append_number(stralloc *sa, unsigned long long n);

/* Appends the concatenation of the strings up to a NULL. Returns 1, or 0 without memory. */
int text_append(stralloc *sa, ...);

#endif
