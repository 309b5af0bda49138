#ifndef SEND_BATCH_H
#define SEND_BATCH_H

#include "send/message.h"

/*
 * The recipients of a message that are due, sorted by their destinations
 * (struct batch, in send/message.h). A recipient that is due again while others
 * of its message are still on their way does not wait for these.
 */

/*
 * Returns the batches of all recipients that are due (forced: of all that are
 * pending) and in no batch yet, linked by `next`; or NULL with *failed when
 * memory ran out.
 */
struct batch *batches_sort(struct message *m, int forced, int *failed);

/* Hands them to their destinations, or forgets them. */
void batches_start(struct batch *batches);
void batches_drop(struct message *m, struct batch *batches);

/* Frees one that has come back. */
void batch_free(struct batch *b);

/* When some of its recipients are due again: to be called where others of the message are not back.
 */
void batch_note(struct batch const *b);

/* The recipients of a message are to be looked at again at that time, unless all are back before.
 */
void batches_note(struct message *m, uint64_t when);

/* Starts what was noted and is due now; and when to call that again, UINT64_MAX: never. */
void batches_again(uint64_t now);
uint64_t batches_again_next(void);

#endif
