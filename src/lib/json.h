#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * Pieces of JSON (RFC 8259) for foreign bytes: what is not UTF-8 becomes the
 * replacement character. Each appends and returns 1, or 0 without memory.
 */

/* A string with its quotes. */
int json_append_string(stralloc *out, struct span s);

/* ,"name":"value" and ,"name":value; the name must need no escape. */
int json_append_text_field(stralloc *out, char const *name, struct span value);
int json_append_number_field(stralloc *out, char const *name, uint64_t value);

#endif
