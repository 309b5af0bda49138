#ifndef SPOOL_SCAN_H
#define SPOOL_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/genalloc.h>

/* Stops the scan by returning other than 0. */
typedef int scan_function(void *context, uint64_t id);

/*
 * Calls f for all files in queue/mess, in no order. Returns 0; what f returned
 * when it stopped; or -1 with errno.
 */
int scan_each(scan_function *f, void *context);

/*
 * The ids of the oldest messages after `after`, by age, at most max of them,
 * in memory for twice as many: a queue of any size can be gone through in
 * pieces. *found is how many there are after `after`. Returns 0, or -1 with errno.
 */
int scan_oldest(genalloc *ids, uint64_t after, size_t max, uint64_t *found);

/* Whether the file ends in a seal; without reading the rest of it. */
int scan_is_sealed(uint64_t id);

#endif
