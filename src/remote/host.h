#ifndef REMOTE_HOST_H
#define REMOTE_HOST_H

#include "remote/attempt.h"

/*
 * A part of attempt: what is done with one host.
 *
 * Offers the job in the session that has just been connected to the host, and
 * in further ones when it takes only so much in one.
 */
enum transaction_end host_offer(struct attempt *attempt, struct mailhost const *host);

/* Answers that there is no connection with the host of the session, for that errno. */
void host_not_connected(struct attempt *attempt, int error);

/* Says in the outcome with whom the session is. */
void host_note(struct attempt *attempt);

/* The same, when it is over: what its last reply was. */
void host_note_reply(struct attempt *attempt);

/* Whether a failure to connect says something about us and not about the host. */
int host_error_is_ours(int error);

#endif
