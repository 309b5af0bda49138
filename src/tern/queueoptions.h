#ifndef TERN_QUEUEOPTIONS_H
#define TERN_QUEUEOPTIONS_H

#include <stdint.h>

#include <skalibs/genalloc.h>

#include "spool/queued.h"
#include "wire/queuecontrol.h"

/* What a message of the queue is doing, as the tools say it. */
enum message_state {
	STATE_WAITING,  /* not yet tried */
	STATE_DEFERRED, /* tried, and waiting for its next time */
	STATE_HELD,
	STATE_ACTIVE,   /* tern-send works on it; known only while that runs */
	STATE_BOUNCING, /* the sender is to be told */
	STATES
};

/* The options that the commands of the queue share, and the ids on their command line. */
struct queue_options {
	char const *directory; /* NULL: the usual one */
	int json, dry_run, yes, all;
	genalloc ids;                                       /* uint64_t */
	char const *sender, *recipient, *destination, *why; /* NULL: any */
	uint64_t older, younger;                            /* seconds; 0 and UINT64_MAX: any */
	uint64_t larger, smaller;                           /* bytes; the same */
	int state;                                          /* -1: any */
	uint64_t limit;     /* the oldest so many; UINT64_MAX: all */
	int shows_progress; /* set by the command */
};

/* Which of them a command takes. */
enum queue_accept {
	ACCEPT_SELECTION = 1, /* ids, and what selects messages */
	ACCEPT_ORDER = 2,     /* --dry-run, --yes, --all */
	ACCEPT_IDS = 4        /* ids alone */
};

/* Reads them; exits 100 with the usage when they are wrong. */
void queue_options_read(struct queue_options *options, int argc, char const *const *argv,
	unsigned accept, char const *usage);

/* Whether anything selects. */
int queue_options_select(struct queue_options const *options);

/* Whether the message is one that the options ask for; now is in seconds since 1970. */
int queue_options_match(
	struct queue_options const *options, struct queued const *message, uint64_t now);

/* Whether it may be, by its id and what tern-send says of it: without a look at its files. */
int queue_options_may_match(
	struct queue_options const *options, uint64_t id, enum queue_state state, uint64_t now);

enum message_state message_state(struct queued const *message);
char const *message_state_name(enum message_state state);

/* What follows the last @ of a recipient; "localhost" when there is none. */
struct span recipient_domain(struct span recipient);

#endif
