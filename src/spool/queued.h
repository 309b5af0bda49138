#ifndef SPOOL_QUEUED_H
#define SPOOL_QUEUED_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "spool/entry.h"
#include "wire/delivery.h"

/* The largest history that is read. */
enum { QUEUED_HISTORY_MAX = 1 << 30 };

/* A message of the queue and its state. */
struct queued {
	uint64_t id;
	struct entry entry;
	stralloc history;
	struct delivery_list deliveries; /* look into both */
	int is_active;                   /* tern-send says that it works on it; set by the caller */
};

/*
 * Reads it. Returns 1; 0 when there is nothing to show: it is arriving, or has
 * just gone; or -1 with *why (a part of a sentence).
 */
int queued_read(struct queued *q, uint64_t id, char const **why);

void queued_free(struct queued *q);

/* Whether a recipient is not done; whether one has failed and the sender is still to be told. */
int queued_is_waiting(struct queued const *q);
int queued_is_bouncing(struct queued const *q);

#endif
