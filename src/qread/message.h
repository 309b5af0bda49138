#ifndef QREAD_MESSAGE_H
#define QREAD_MESSAGE_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "spool/entry.h"
#include "wire/delivery.h"

/* The largest history that is read. */
enum { MESSAGE_HISTORY_MAX = 1 << 30 };

/* A message of the queue and its state. */
struct message {
	uint64_t id;
	struct entry entry;
	stralloc history;
	struct delivery_list deliveries; /* look into both */
};

/*
 * Reads it. Returns 1; 0 when there is nothing to show: it is arriving, or has
 * just gone; or -1 with *why (a part of a sentence).
 */
int message_read(struct message *message, uint64_t id, char const **why);

void message_free(struct message *message);

/* Whether a recipient is not done; whether one has failed and the sender is still to be told. */
int message_is_waiting(struct message const *message);
int message_is_bouncing(struct message const *message);

#endif
