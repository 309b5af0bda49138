#ifndef INJECT_COMPOSE_H
#define INJECT_COMPOSE_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "inject/author.h"
#include "inject/names.h"
#include "lib/span.h"

/* What the header of a message becomes. */
struct composed {
	stralloc header;     /* complete, without the blank line after it */
	stralloc recipients; /* that it names, plain and completed, each ended by a NUL */
	stralloc visible; /* the addresses of To and Cc, as they are written, ", " between them */
	stralloc return_path;
	int has_return_path;
};

#define COMPOSED_ZERO                                                                              \
	{                                                                                          \
		STRALLOC_ZERO, STRALLOC_ZERO, STRALLOC_ZERO, STRALLOC_ZERO, 0                      \
	}

/*
 * Goes through the header: completes addresses; takes out Bcc, Return-Path and
 * Content-Length; adds Date, Message-ID, From and a Cc where they are missing
 * (their Resent- forms when the message is a resent one). With `strict` a
 * recipient field that is not an address list ends the program; otherwise it
 * is left as it is. now: microseconds since 1970. lists: the addresses that
 * call for a Mail-Followup-To, in lines.
 */
void compose(struct composed *composed, struct span header, struct author const *author,
	struct names const *names, struct span lists, int strict, uint64_t now);

void composed_free(struct composed *composed);

#endif
