#ifndef SEND_DESTINATION_H
#define SEND_DESTINATION_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/genalloc.h>

#include "lib/span.h"
#include "send/message.h"
#include "send/pace.h"

/*
 * A place mail goes to: a domain, or a local address. Each has its own queue
 * and its own workers, so that a slow one delays nobody else; those with work
 * take turns at what their channel may run at once.
 */
enum channel { CHANNEL_LOCAL, CHANNEL_REMOTE, CHANNELS };

enum {
	DESTINATION_LOCAL_SHARE = 4,   /* a local one has at most one place of so many */
	DESTINATION_READY_MAX = 60,    /* messages loaded for one while many are loaded */
	DESTINATION_LOADED_MANY = 2000 /* from here on more of one destination wait outside */
};

/* Where new mail waits for a worker, and where what was tried before does. */
enum destination_line { LINE_FRESH, LINE_RETRY, DESTINATION_LINES };

struct worker;

struct destination {
	enum channel channel;
	struct span name;
	struct destination *hash_next;
	struct batch *first, **last; /* ready for a worker */
	size_t ready;
	size_t fresh;       /* of these: of messages that were never tried */
	unsigned workers;   /* running, and asked for */
	unsigned requested; /* asked for */
	struct worker *idle;
	int waiting[DESTINATION_LINES]; /* in line for a further worker */
	int able;                       /* in line with an idle worker */
	struct destination *ring_next[DESTINATION_LINES], *able_next;
	struct pace pace;   /* of a remote one */
	stralloc dead_text; /* what its last probe said */
	genalloc deferred;  /* uint64_t: ids to be hastened when it answers again */
	int resting;        /* in the list of those that wait for a time */
	struct destination *rest_next;
	struct batch *building; /* while a message is being sorted */
	genalloc parked;        /* uint64_t: ids of messages that wait outside */
	size_t parked_first;
};

/* The destination of that name, made when there is none yet. NULL without memory. */
struct destination *destination_get(enum channel channel, struct span name);

/* Forgets a destination that has nothing to do. */
void destination_release(struct destination *d);

/* Whether so much is loaded for it that a further message should wait outside. */
int destination_is_full(struct destination const *d);

/* Lets a message wait outside, to be loaded when there is room. Returns 0, or -1 without memory. */
int destination_park(struct destination *d, uint64_t id);

/* Puts a batch into its queue; first in it when `front`. */
void destination_add(struct batch *batch, int front);

/* Takes note of what a job brought: of the verdict and the words on its first recipient. */
void destination_note(
	struct destination *d, uint64_t message, enum verdict verdict, struct span text);

/*
 * Lets those go on whose time of rest is over. Returns the milliseconds until
 * the next one's is, 0 when some are to be dispatched now, or -1.
 */
int destination_rest_expire(int64_t now);

/* Gives work to idle workers and asks for new ones, as far as the limits go. */
void destination_dispatch(enum channel channel);

/* Whether destinations of this channel wait for a worker that the limit denies them. */
int destination_is_contended(enum channel channel);

/* Whether messages wait outside; lets one of them in when there is room. */
int destination_has_parked(struct destination const *d);
void destination_unpark(struct destination *d);

/* Puts it aside until `until` (monotonic milliseconds). */
void destination_rest(struct destination *d, int64_t until);

/* Forgets that destinations were dead: everything is to be tried now. */
void destination_revive_all(void);

/* Calls f for each destination there is. */
void destination_each(void (*f)(void *context, struct destination const *d), void *context);

/*
 * Takes the batches of halted messages out of all queues, at the cost of one
 * look at each that is ready. Returns them, linked by `next`, the caller's.
 */
struct batch *destination_withdraw(void);

/* Puts the destination in line for dispatch. */
void destination_wants(struct destination *d);

/* Takes its next batch off the queue, or NULL; loads a parked message in its stead. */
struct batch *destination_take(struct destination *d);

#endif
