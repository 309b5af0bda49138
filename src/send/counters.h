#ifndef SEND_COUNTERS_H
#define SEND_COUNTERS_H

#include "send/message.h"
#include "wire/queuecontrol.h"

/* What send has done since its start, for its control socket. */

/* A new message, by how it came. */
void counters_received(struct envelope const *envelope);

/* The verdict on one recipient of the message. */
void counters_result(
	struct batch const *batch, enum verdict verdict, struct span host, struct span text);

/* A message that left the queue. */
void counters_ended(void);

/* A bounce that was queued (DELIVERED) or dropped (FAILED); others do not count. */
void counters_bounce(struct message const *m, enum verdict verdict);

/* Sets the counts of events. */
void counters_fill(struct queue_counts *counts);

/* The last replies, newest first. The spans are good until the next counters_result. */
void counters_replies(struct queue_replies *replies);

#endif
