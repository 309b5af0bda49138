#ifndef WIRE_HISTORY_H
#define WIRE_HISTORY_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * What has happened to a message, one line an event, only ever appended:
 *
 *   CRC TIME EVENT ATTEMPT RECIPIENTS NEXT HOST ADDRESS TEXT\n
 *
 * CRC-32C of the rest of the line (8 hexadecimal digits); seconds since 1970;
 * one of the words below; which attempt of these recipients it was; their
 * numbers in the envelope, counted from 0, as a list of ranges ("0-2,7"); the
 * time of their next attempt (0: none); the host and its address or "-"; and
 * the words that explain it. A line that is torn or damaged is passed over:
 * at worst something is tried again.
 */
enum history_event {
	HISTORY_DELIVERED, /* done: accepted at its destination */
	HISTORY_FAILED,    /* done but for the bounce */
	HISTORY_DEFERRED,  /* the destination said: later; counts as an attempt */
	HISTORY_TROUBLE,   /* we could not even ask; does not count as an attempt */
	HISTORY_BOUNCED,   /* the sender has been told of these failures; done */
	/* For senders who want to hear of success (RFC 3461), in the place of "delivered": */
	HISTORY_RELAYED,  /* done: accepted by a server that tells nobody */
	HISTORY_PASSED,   /* done: accepted by a server that tells the sender itself */
	HISTORY_EXPANDED, /* done: it went on as a new message to other addresses */
	HISTORY_REPORTED, /* the sender has been told of these deliveries */
	HISTORY_WARNED,   /* the sender has been told that these are late */
	/* What an administrator wanted (wire/order.h); no attempt. */
	HISTORY_HELD,     /* the message, whatever its recipients, is not tried, */
	HISTORY_RELEASED, /* until it is released */
	HISTORY_RETRY,    /* due now */
	HISTORY_REMOVED   /* done, and nobody is told */
};

enum {
	HISTORY_TEXT_MAX = 512,  /* longer words are cut */
	HISTORY_LINE_MAX = 4096, /* with the newline */
	HISTORY_RANGES_MAX = 100 /* of one line; what needs more is said in two lines */
};

struct range {
	uint64_t first, last;
};

struct history_line {
	uint64_t time;
	enum history_event event;
	uint64_t attempt;
	size_t ranges;
	struct range range[HISTORY_RANGES_MAX];
	uint64_t next;
	struct span host, address, text; /* empty when unknown */
};

/*
 * Ends a line that was torn, also where nothing but its newline is missing: what
 * was passed over once must not count later.
 */
#define HISTORY_TORN_END "?\n"

/* Appends the line, its words cleaned and cut to their limits. Returns 1, or 0 without memory. */
int history_append(stralloc *sa, struct history_line const *line);

/*
 * Takes the first good line off *rest. Returns 1; or 0 when there is no
 * further one. *damaged, unless NULL, counts the lines passed over.
 */
int history_next(struct history_line *line, struct span *rest, unsigned *damaged);

/* The word of an event, and back: returns 0, or -1 when it is none. */
char const *history_event_name(enum history_event event);
int history_event_parse(enum history_event *event, struct span word);

#endif
