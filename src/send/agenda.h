#ifndef SEND_AGENDA_H
#define SEND_AGENDA_H

#include <stddef.h>
#include <stdint.h>

#include "send/idset.h"

/*
 * The messages that wait: new ones in the order of their arrival, and those
 * that have a time, earliest first. What is not being worked on costs no more
 * than its place here and in the idset.
 */
struct agenda_item {
	uint64_t due; /* seconds since 1970; 0: forced */
	uint64_t id;
};

struct agenda {
	struct agenda_item *heap;
	size_t length, room;
	uint64_t *fresh; /* a ring */
	size_t fresh_first, fresh_length, fresh_room;
	unsigned turn;
};

#define AGENDA_ZERO                                                                                \
	{                                                                                          \
		NULL, 0, 0, NULL, 0, 0, 0, 0                                                       \
	}

/* Adds a new message, or one with a time. Returns 0, or -1 without memory. */
int agenda_add_fresh(struct agenda *agenda, uint64_t id);
int agenda_add(struct agenda *agenda, uint64_t id, uint64_t due);

/*
 * Takes the message that comes next at the time now: new mail before retries,
 * but at least one of four is a retry while one is due. Returns 1, or 0 when
 * nothing is due.
 */
enum agenda_reason {
	AGENDA_NEW,
	AGENDA_DUE,
	AGENDA_FORCED /* by agenda_all_due */
};
int agenda_take(struct agenda *agenda, uint64_t now, uint64_t *id, enum agenda_reason *reason);

/* When the next message is due: 0 at once, UINT64_MAX never. */
uint64_t agenda_next(struct agenda const *agenda);

/* Makes everything due, whatever the times of its recipients. */
void agenda_all_due(struct agenda *agenda);

/* Makes those of the ids due that wait for a time; sorts the ids. */
void agenda_hasten(struct agenda *agenda, uint64_t *ids, size_t count);

/* The clock was set back by `seconds`: what waits, waits as long as before. */
void agenda_clock_back(struct agenda *agenda, uint64_t seconds);

/*
 * Takes all messages of the set out, at the cost of one look at each that
 * waits. *taken gets their ids, and has room for as many as the set holds.
 * Returns how many.
 */
size_t agenda_take_out(struct agenda *agenda, struct idset const *set, uint64_t *taken);

/* The least id of those that are new, or of those that have a time; 0: there is none. */
uint64_t agenda_oldest_fresh(struct agenda const *agenda);
uint64_t agenda_oldest_waiting(struct agenda const *agenda);

size_t agenda_length(struct agenda const *agenda);

#endif
