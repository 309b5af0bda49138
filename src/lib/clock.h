#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds that only ever go forward: for timeouts. */
int64_t clock_monotonic(void);

/* Microseconds since 1970 by the wall clock: for what is kept on disk or shown to people. */
uint64_t clock_wall(void);

/* The size of a date with its ending NUL. */
enum { DATE_MAX = 40 };

/* Writes the date of RFC 5322, 3.3, in UTC ("Sat, 21 Nov 2026 19:27:46 +0000"), NUL ended. */
void clock_date(char date[DATE_MAX], time_t when);

#endif
