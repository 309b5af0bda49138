#ifndef WIRE_SMTPREPLY_H
#define WIRE_SMTPREPLY_H

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * The replies of an SMTP server (RFC 5321, 4.2), as they arrive: one or more
 * lines with the same code, 200 to 599, where "-" after the code says that
 * another line follows. A line ends at LF; the CR before it may be missing.
 */
enum {
	SMTPREPLY_LINE_MAX = 4096, /* bytes of a line with its end; RFC 5321 says 512 */
	SMTPREPLY_LINES_MAX = 100
};

enum smtpreply_status {
	SMTPREPLY_MORE,     /* not yet complete */
	SMTPREPLY_COMPLETE, /* until smtpreply_start */
	SMTPREPLY_WRONG,    /* no reply: bad syntax, changing codes, over a limit; final */
	SMTPREPLY_NO_MEMORY /* final */
};

struct smtpreply {
	enum smtpreply_status status;
	unsigned code;  /* of the lines that have come */
	unsigned lines; /* complete ones */
	stralloc line;  /* the one that is coming, raw */
	stralloc text;  /* the lines with their codes, printable ASCII, each ended by LF;
			 also the one that was wrong */
};

#define SMTPREPLY_ZERO                                                                             \
	{                                                                                          \
		SMTPREPLY_MORE, 0, 0, STRALLOC_ZERO, STRALLOC_ZERO                                 \
	}

/* Makes ready for the next reply; keeps the memory of the last one. */
void smtpreply_start(struct smtpreply *reply);

/*
 * Takes bytes up to the end of the reply. *used says how many of them; what
 * follows belongs to the next reply. Returns the status, which stays what it
 * is once it is not SMTPREPLY_MORE.
 */
enum smtpreply_status smtpreply_feed(struct smtpreply *reply, struct span bytes, size_t *used);

/*
 * Takes the next line off *rest, which is at first the whole text, and returns
 * what it says: without code and separator. Empty at the end.
 */
struct span smtpreply_line_cut(struct span *rest);

void smtpreply_free(struct smtpreply *reply);

#endif
