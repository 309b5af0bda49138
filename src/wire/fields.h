#ifndef WIRE_FIELDS_H
#define WIRE_FIELDS_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * What the packets between our own programs are made of: values, each ended by
 * a NUL; numbers in decimal.
 */

/* Append one field. Return 1, or 0 without memory. The value must hold no NUL. */
int field_append(stralloc *sa, struct span value);
int field_append_number(stralloc *sa, uint64_t value);

/* Take the next field off *rest. Return 0, or -1 when there is none or it is no number up to max.
 */
int field_take(struct span *rest, struct span *value);
int field_take_number(struct span *rest, uint64_t max, uint64_t *value);

#endif
