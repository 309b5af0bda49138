#ifndef SEND_PACE_H
#define SEND_PACE_H

#include <stdint.h>

#include "policy/throttle.h"

/*
 * How fast a remote destination is given mail: as many connections as it takes
 * well, no more messages in a time than control/throttle says, and one probe
 * at a time while nobody answers there.
 */
struct pace {
	unsigned connections; /* that it takes now */
	int64_t next;         /* monotonic milliseconds: the rate allows the next message then */
	int64_t dead_until;   /* until then no connection is tried; 0: it is not dead */
};

enum pace_event {
	PACE_WELL,    /* it took or refused a message */
	PACE_CROWDED, /* 421, or a connection lost: fewer at once */
	PACE_DEAD     /* nobody answered */
};

void pace_start(struct pace *pace);

/* Takes what one job brought. dead_seconds: how long not to try again when nobody answered. */
void pace_note(struct pace *pace, enum pace_event event, uint32_t dead_seconds, int64_t now);

/* How many connections at once it may have now. */
unsigned pace_connections(struct pace const *pace, struct throttle_rule const *rule);

/* Milliseconds until the rate allows a message; 0: now. */
int64_t pace_wait(struct pace const *pace, int64_t now);

/* A message is on its way. */
void pace_spend(struct pace *pace, struct throttle_rule const *rule, int64_t now);

/* Whether nobody answered there a moment ago. */
int pace_is_dead(struct pace const *pace, int64_t now);

#endif
