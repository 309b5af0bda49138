#ifndef LIB_NUMBER_H
#define LIB_NUMBER_H

#include <stdint.h>

#include "lib/span.h"

/*
 * Reads s as a decimal number of 0 to max. Returns 0, or -1 when s is empty,
 * holds anything but digits, or is over max; *value is then unchanged.
 */
int number_parse(struct span s, uint64_t max, uint64_t *value);

/* Writes n in decimal, without a NUL. Returns how many bytes. */
enum { NUMBER_TEXT_MAX = 20 };
size_t number_format(char s[NUMBER_TEXT_MAX], uint64_t n);

/*
 * Reads a duration: a number and one of the units s m h d; a bare number is
 * seconds. Returns 0 and the seconds, or -1 when it is not one or over max.
 */
int duration_parse(struct span s, uint64_t max, uint64_t *seconds);

#endif
