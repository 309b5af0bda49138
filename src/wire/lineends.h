#ifndef WIRE_LINEENDS_H
#define WIRE_LINEENDS_H

#include <stddef.h>

#include "lib/span.h"

/*
 * The one form of line ends in the queue: LF, and no CR anywhere. LF stays; any
 * number of CRs right before an LF go; every other CR becomes a blank; a last
 * line without its LF gets one. The text comes in pieces of any size. Start
 * with LINEENDS_ZERO.
 */
struct lineends {
	size_t returns; /* CRs seen of which it is not yet known what they are */
	char last;      /* what was given out last; '\n' at the start */
};

#define LINEENDS_ZERO                                                                              \
	{                                                                                          \
		0, '\n'                                                                            \
	}

/*
 * Takes bytes off *piece and returns the next run of the converted text, which
 * looks into the piece or at constants. Empty: the piece is used up.
 */
struct span lineends_next(struct lineends *state, struct span *piece);

/* After the last piece, until it returns an empty run: what is still missing. */
struct span lineends_end(struct lineends *state);

#endif
