#ifndef SEND_HISTORY_H
#define SEND_HISTORY_H

#include "send/message.h"

/*
 * The history files: queue/hist/S/ID. Lines are written when they are made; a
 * line that says "done" is made durable within a second, or before its message
 * leaves memory, whichever is first.
 */

/* Reads the history of a message, if it has one. Returns 0, or -1 with errno. */
int history_read(struct message *m);

/*
 * Writes the lines of m->unwritten. Returns 0 when nothing is left; -1 after
 * logging why: the message must then stay in memory, message_stuck_retry will try
 * again.
 */
int history_write(struct message *m);

/* Makes what was written of this message durable, if that matters. */
void history_sync(struct message *m);

/* Forgets a message that leaves memory. */
void history_release(struct message *m);

/*
 * When the message is due next: the least time of its pending recipients and of
 * what its sender is to be told; 0: now; UINT64_MAX: never.
 */
uint64_t history_next_due(struct message const *m);

/* Once a second: makes lines durable. Whether anything waits for that. */
void history_sync_all(void);
int history_sync_waits(void);

/* Once in a while: the first of the messages whose lines could not be written, or NULL. */
struct message *history_stuck_take(void);
int history_stuck_waits(void);

#endif
