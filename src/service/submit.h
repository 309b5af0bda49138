#ifndef SERVICE_SUBMIT_H
#define SERVICE_SUBMIT_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * Handing a message to the queue: by its service where one listens
 * (run/queue/socket), else by the command bin/tern-queue, with one meaning.
 * Both are found below the home, which must be the working directory. One
 * message at a time; the connection is kept for the next. $QMAILQUEUE names a
 * program to use in their place, as qmail's programs do.
 */
#define SUBMIT_ORIGIN "TERN_ORIGIN" /* gives the command the origin: records, a line each */

enum {
	SUBMIT_TIMEOUT = 300,       /* seconds for each send, and for the answer */
	SUBMIT_GATHER = 32 * 1024,  /* bytes of a message that are sent at once */
	SUBMIT_REASON_MAX = 255,    /* bytes that a command may say on descriptor 6 */
	SUBMIT_ROOM_AGE = 1000,     /* milliseconds that what was said of the room is good for */
	SUBMIT_ROOM_TIMEOUT = 5,    /* seconds: who says nothing of the room has some */
	SUBMIT_ROOM_ASK = 64 * 1024 /* a message from this size on is worth a connection to ask */
};

struct submit {
	int socket;  /* to the service; -1: not connected */
	int is_warm; /* the connection carried a message before: the service may have left it */
	int child;   /* pid of the command, 0: none; these lead to its descriptors 0, 1 and 6 */
	int child_message, child_envelope, child_reason;
	int is_begun;
	int is_streaming;  /* some of this message has left us */
	int broken;        /* the code that this message ends with whatever follows; 0: none */
	size_t frame;      /* where in `message` the header of the message's frame stands */
	size_t frame_len;  /* bytes in it */
	stralloc message;  /* frames not yet sent */
	stralloc envelope; /* records */
	stralloc origin;   /* records */
	uint64_t room;     /* bytes a message may have, as the service has said, */
	int64_t room_at;   /* when it was asked, clock_monotonic(); 0: never */
	int service_only;  /* set by a process that may run no program: the command is not tried */
};

#define SUBMIT_ZERO                                                                                \
	{                                                                                          \
		-1, 0, 0, -1, -1, -1, 0, 0, 0, 0, 0, STRALLOC_ZERO, STRALLOC_ZERO, STRALLOC_ZERO,  \
			0, 0, 0                                                                    \
	}

/*
 * What became of a message: code is one of wire/queueexit.h but QUEUE_CUSTOM,
 * which becomes QUEUE_REFUSED or QUEUE_DEFERRED; when 0 the message is on disk
 * as `id` (0: the command took it, which does not say), by the queue process
 * `pid`; text is for a person.
 */
struct submit_result {
	int code;
	unsigned long long id;
	unsigned long pid;
	char text[320];
};

/*
 * Connects to the service ahead of the first message, so that a process knows
 * it is there. Returns 0, or -1 when it can not be reached.
 */
int submit_connect(struct submit *s);

/*
 * Whether the queue has room for a message of so many bytes (0: who knows), so
 * that it can be refused before it comes. Asks the service, where we are
 * connected or the message is large, at most once in SUBMIT_ROOM_AGE. Returns 0
 * when it has said no; else 1, and submit_finish tells.
 */
int submit_has_room(struct submit *s, uint64_t size);

/*
 * Begins a message. origin holds the envelope records that say how it came
 * (may be empty). Returns 0, or -1 with *result filled: no queue can be reached.
 */
int submit_begin(struct submit *s, struct span origin, struct submit_result *result);

/* Adds bytes of the message (LF line ends); large ones leave at once. Errors show in submit_finish.
 */
void submit_message(struct submit *s, struct span bytes);

/* Adds bytes of the envelope: records up to and without the NUL that completes it. Kept until
 * submit_finish, so it may come before the message. */
void submit_envelope(struct submit *s, struct span bytes);

/* Completes the envelope and waits for the answer. Returns 0 when it is on disk, else -1. */
int submit_finish(struct submit *s, struct submit_result *result);

/* Gives up the message begun: nothing of it is queued. */
void submit_abort(struct submit *s);

/* Closes the connection and frees all. */
void submit_close(struct submit *s);

#endif
