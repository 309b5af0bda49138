#ifndef WIRE_DATAWRITER_H
#define WIRE_DATAWRITER_H

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * From stored text to what follows DATA (RFC 5321, 4.5.2): each LF becomes CR
 * LF, a line that begins with a dot gets another one, a missing line end is
 * added, and a lone dot ends it. Whatever comes in, no CR and no LF goes out
 * but as CR LF, and no lone dot but the last.
 *
 * The queue stores no CR. Should one come all the same: right before LF it is
 * part of that line end, elsewhere it becomes a blank.
 */
enum datawriter_form {
	DATAWRITER_DOTS, /* as above */
	DATAWRITER_CHUNK /* what follows BDAT (RFC 3030, 2): no dot is added */
};

enum datawriter_state {
	DATAWRITER_LINE_START,
	DATAWRITER_IN_LINE,
	DATAWRITER_AFTER_CR /* which has not been written */
};

struct datawriter {
	enum datawriter_state state;
	enum datawriter_form form;
};

#define DATAWRITER_ZERO                                                                            \
	{                                                                                          \
		DATAWRITER_LINE_START, DATAWRITER_DOTS                                             \
	}

/* Appends the form of the next piece of text, of any size. Returns 1, or 0 without memory. */
int datawriter_put(struct datawriter *writer, stralloc *out, struct span text);

/* Appends what is left and the end of data, of which a chunk has none. Returns 1, or 0 without
 * memory. */
int datawriter_end(struct datawriter *writer, stralloc *out);

#endif
