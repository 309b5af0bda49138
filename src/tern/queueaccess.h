#ifndef TERN_QUEUEACCESS_H
#define TERN_QUEUEACCESS_H

#include <stdint.h>
#include <sys/types.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * How a tool gets at the queue. It enters the instance, and a root process
 * becomes the owner of queue/hist, who may read all of the queue and write
 * histories: what came from outside is not for root to read.
 */
struct queue_access {
	uid_t uid;           /* who called us */
	int client;          /* the socket to tern-send; -1: it does not run, or we may not ask */
	int clean_in, clean; /* requests to and answers of our own tern-clean; -1: none */
};

enum queue_intent {
	INTENT_READ,  /* look; ask tern-send where that is possible */
	INTENT_ORDER, /* change: through tern-send, or when it does not run with its lock */
	INTENT_REMOVE /* the same, and files may have to be removed */
};

/* Says why and exits when it can not be had. */
void queue_access_open(
	struct queue_access *access, char const *directory, enum queue_intent intent);

/* Takes the lock of tern-send, so that none starts meanwhile; exits and says who has it. */
void queue_lock_take(void);

/* Has tern-clean remove a message. Returns 0, or -1. */
int queue_access_remove(struct queue_access *access, uint64_t id);

/* Writes to standard output and empties it; exits when that can not be done. */
void output_flush(stralloc *out);

/* Exits for want of memory when `good` is 0. */
void memory_or_die(int good);

#endif
