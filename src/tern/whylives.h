#ifndef TERN_WHYLIVES_H
#define TERN_WHYLIVES_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "tern/logfiles.h"

/*
 * What the logs say of some messages, in memory that is bounded however large
 * they are: of the newest LIVES_MAX messages, and LIVES_LOG_MAX bytes.
 */
enum {
	LIVES_MAX = 100,
	LIVES_LOG_MAX = 16 << 20,
	LIVES_DELIVERIES_MAX = 1000 /* under way at once, of these messages */
};

struct life {
	uint64_t id;
	stralloc log; /* lines of text, or the objects of an array in JSON */
};

struct life_delivery {
	uint64_t number, id;
	stralloc recipient;
};

struct lives {
	int json;
	size_t count;
	struct life life[LIVES_MAX]; /* by id */
	size_t bytes;
	uint64_t left_out; /* lines for which there was no room */
	struct life_delivery delivery[LIVES_DELIVERIES_MAX];
	size_t deliveries;
};

/* Adds a message; when there are too many the oldest goes. */
void lives_add(struct lives *lives, uint64_t id);

/* For logfiles_each, with the lives as context: lines of tern-send and of tern-smtpd. */
void lives_send_line(void *lives, uint64_t seconds, struct span line);
void lives_smtpd_line(void *lives, uint64_t seconds, struct span line);

/*
 * The message of a line of tern-send's log that has the address as sender or
 * recipient, as the log writes it; 0: it is no such line.
 */
uint64_t lives_address_id(struct span line, struct span address);

#endif
