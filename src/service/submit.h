#ifndef SERVICE_SUBMIT_H
#define SERVICE_SUBMIT_H

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * Handing a message to the queue: by its service where one listens
 * (run/queue/socket below the home, which is the working directory), else by the command
 * bin/tern-queue, with one meaning. One message at a time; the connection is
 * kept for the next.
 */
struct submit {
	int socket; /* -1: not connected */
	int child_message, child_envelope,
		child_reason; /* to the command, when there is no service */
	int child;            /* its pid */
	int broken;           /* the rest of this message is thrown away */
	stralloc message;     /* not yet sent */
	stralloc envelope;    /* not yet sent */
	stralloc origin;
};

#define SUBMIT_ZERO                                                                                \
	{                                                                                          \
		-1, -1, -1, -1, 0, 0, STRALLOC_ZERO, STRALLOC_ZERO, STRALLOC_ZERO                  \
	}

/*
 * What became of a message: code is one of wire/queueexit.h; when 0 the message
 * is on disk as `id`, by the queue process `pid`; text is for a person.
 */
struct submit_result {
	int code;
	unsigned long long id;
	unsigned long pid;
	char text[320];
};

/*
 * Begins a message. origin holds the envelope records that say how it came
 * (may be empty). Returns 0, or -1 with *result filled: no queue can be reached.
 */
int submit_begin(struct submit *s, struct span origin, struct submit_result *result);

/* Adds bytes of the message (LF line ends). Errors show in submit_finish. */
void submit_message(struct submit *s, struct span bytes);

/* Adds bytes of the envelope: records up to and without the NUL that completes it. */
void submit_envelope(struct submit *s, struct span bytes);

/* Completes the envelope and waits for the answer. Returns 0 when it is on disk, else -1. */
int submit_finish(struct submit *s, struct submit_result *result);

/* Gives up the message begun: nothing of it is queued. */
void submit_abort(struct submit *s);

/* Closes the connection and frees all. */
void submit_close(struct submit *s);

#endif
