#ifndef SPOOL_HISTORYFILE_H
#define SPOOL_HISTORYFILE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/span.h"
#include "wire/delivery.h"

/*
 * Histories for tools, while they hold the lock of tern-send (which keeps its
 * own open in memory).
 */

/* When a message of this state is due: the least time of what is pending; 0: now. */
uint64_t historyfile_due(struct delivery_list const *list);

/*
 * Appends whole lines; a line before them that was torn is ended first. The
 * file's time becomes `due`, as tern-queue(5) says. Returns 0, or -1 with errno.
 */
int historyfile_append(uint64_t id, struct span lines, uint64_t due);

/*
 * Makes the histories of these messages and their names durable; those that
 * are not there are passed over. Returns 0, or -1 with errno.
 */
int historyfile_sync(uint64_t const *ids, size_t count);

#endif
