#ifndef SEND_NOTICES_H
#define SEND_NOTICES_H

#include "send/message.h"

/*
 * What the sender of a message is told, and when: at once of what failed, and
 * of what was delivered where that was asked for; after control/warnafter of
 * what is late; and no more than control/ratebounces and ratebouncesdomain let
 * through.
 */
enum notices_turn {
	NOTICES_NONE,   /* nothing, now; m->notice_after says until when the limits let nothing
			   through */
	NOTICES_NOW,    /* a notice of *kind */
	NOTICES_DROPPED /* what could not be told in all the time is marked as told: settle again */
};

/* Looks at a settled message. */
enum notices_turn notices_due(struct message *m, enum notice_kind *kind);

/* When there is something to tell: 0: now; a time in seconds since 1970; UINT64_MAX: never. */
uint64_t notices_next(struct message const *m);

#endif
