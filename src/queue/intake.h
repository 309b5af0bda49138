#ifndef QUEUE_INTAKE_H
#define QUEUE_INTAKE_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "queue/received.h"
#include "spool/entry.h"
#include "wire/envelope.h"
#include "wire/lineends.h"
#include "wire/queueexit.h"

/*
 * One message on its way into the queue, whoever brings it: the message, then
 * the envelope, in pieces; then it is committed or aborted. After a failure
 * everything further is only looked at to find its end. Nothing stays of what
 * was not committed.
 */
enum {
	INTAKE_SECONDS_MAX = 24 * 3600,          /* for one arrival; below SPOOL_ARRIVAL_MAX */
	INTAKE_MESSAGE_MAX = 1024 * 1024 * 1024, /* sanity; control/databytes is smtpd's */
	INTAKE_ENVELOPE_MAX = 64 * 1024 * 1024,
	INTAKE_HEAD_MAX = 16 * 1024 /* what stands before the sender */
};

struct intake {
	struct entry_writer entry;
	int is_open; /* the entry is there */
	pid_t pid;   /* ours; a process that takes messages does not fork */
	struct lineends lineends;
	int has_8bit;
	struct envelope_check check;
	int head_done;
	stralloc text;      /* the Received field; then what stands before the sender */
	int code;           /* QUEUE_OK as long as all is well */
	char const *reason; /* more than the code says, or NULL */
};

#define INTAKE_ZERO                                                                                \
	{                                                                                          \
		.entry = {.fd = -1, .buffer = STRALLOC_ZERO}, .text = STRALLOC_ZERO                \
	}

/* Creates the entry and begins it with its Received field. The outcome is in->code. */
void intake_begin(struct intake *in, struct origin const *origin, struct span me);

/* Adds to the message. */
void intake_message(struct intake *in, struct span bytes);

/*
 * Adds to the envelope, as its client gives it; the origin is the one of
 * intake_begin. Returns how many bytes belong to this envelope: less than all
 * once it is complete or wrong, which in->check.state tells.
 */
size_t intake_envelope(struct intake *in, struct origin const *origin, struct span bytes);

/*
 * Makes the message durable and tells send, if all went well so far. Returns
 * the code of wire/queueexit.h; QUEUE_OK: it is on disk as in->entry.id.
 */
int intake_commit(struct intake *in);

/* Gives up: nothing stays. Also after intake_commit, without effect. */
void intake_abort(struct intake *in);

#endif
