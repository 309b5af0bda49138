#ifndef WIRE_HOPCOUNT_H
#define WIRE_HOPCOUNT_H

#include <stddef.h>

#include "lib/span.h"

/*
 * Counts the lines of a message's header that each server on its way adds
 * (RFC 5321, 6.3): Received and Delivered-To. The message comes with LF line
 * ends, in pieces of any size; its body is not looked at. Also notes whether the
 * header is ASCII: what is not needs SMTPUTF8 (RFC 6532).
 */
enum { HOPCOUNT_NAME_MAX = 16, HOPCOUNT_LIMIT = 100 };

enum hopcount_state {
	HOPCOUNT_NAME,  /* in the first word of a line, which is kept */
	HOPCOUNT_BLANK, /* after it: obsolete syntax has blanks before the colon */
	HOPCOUNT_REST,  /* in what does not matter of a line */
	HOPCOUNT_BODY
};

struct hopcount {
	enum hopcount_state state;
	unsigned hops;
	int eight_bit; /* the header holds a byte that is not ASCII */
	size_t len;
	char name[HOPCOUNT_NAME_MAX];
};

#define HOPCOUNT_ZERO                                                                              \
	{                                                                                          \
		HOPCOUNT_NAME, 0, 0, 0,                                                            \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}

/* Reads on; count->hops says how many lines there were so far. */
void hopcount_take(struct hopcount *count, struct span text);

#endif
