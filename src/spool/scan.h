#ifndef SPOOL_SCAN_H
#define SPOOL_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/genalloc.h>

/* The ids of all files in queue/mess, oldest first. Returns 0, or -1 with errno. */
int scan_ids(genalloc *ids);

/* Whether the file ends in a seal; without reading the rest of it. */
int scan_is_sealed(uint64_t id);

#endif
