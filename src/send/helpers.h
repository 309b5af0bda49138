#ifndef SEND_HELPERS_H
#define SEND_HELPERS_H

#include "send/message.h"

/* What send can not do itself: removing files (tern-clean) and telling senders (tern-bounce). */
enum { CLEAN_REQUESTS = 5, CLEAN_ANSWERS = 6, BOUNCE_SOCKET = 7 };

/* Has the files of a finished message removed, until that has worked; then forgets its id. */
void clean_remove(uint64_t id, int log_end_of_message);

/*
 * Sees that there is memory to have so many messages removed, so that none is
 * delivered that could not be. Returns 0, or -1.
 */
int clean_reserve(unsigned messages);

/* Has a broken entry set aside. */
void clean_set_aside(uint64_t id);

/* Writes what waits; reads answers. Return 0, or -1 when tern-clean is gone. */
int clean_write(void);
int clean_read(void);
int clean_wants_to_write(void);

/* Whether answers are awaited. */
int clean_is_busy(void);

/* Whether the message is being removed. */
int clean_is_removing(uint64_t id);

/* Asks again for what could not be removed. */
void clean_retry(void);

/* Whether anything waits for clean_retry. */
int clean_retry_waits(void);

/* Has the sender told by a notice of this kind; message_bounced gets the answer. */
void bounce_request(struct message *m, enum notice_kind kind);

/* Writes and reads. Return 0, or -1 when tern-bounce is gone. */
int bounce_write(void);
int bounce_read(void);
int bounce_wants_to_write(void);
int bounce_is_busy(void);

/* Whether a notice of the message is under way. */
int bounce_is_asked_for(struct message const *m);

/* How many messages wait for their bounce, and the id of the oldest (0: none). */
void bounce_count(uint64_t *count, uint64_t *oldest);

#endif
