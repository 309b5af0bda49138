#ifndef WIRE_DATAREADER_H
#define WIRE_DATAREADER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/span.h"

/*
 * The text after DATA (RFC 5321, 4.1.1.4 and 4.5.2): lines that end in CR LF,
 * a dot before those that begin with one, and CR LF . CR LF at the end; or
 * that of BDAT (RFC 3030), where dots mean nothing and the end is known by its
 * length. It comes out with LF line ends and without the added dots.
 *
 * Nothing else is taken for a line end: a CR without its LF, an LF without its
 * CR, or a NUL is an error, since another server may read such text as two
 * messages. For old devices an LF alone can be repaired: then it ends a line,
 * and never the text; or, for those that know no CR at all, it is like CR LF.
 */
enum data_framing { DATA_DOTS, DATA_CHUNKS };

enum data_line_feed {
	DATA_LF_REFUSED,
	DATA_LF_LINES, /* ends a line */
	DATA_LF_ALL,   /* ends whatever CR LF ends */
	DATA_LF_KINDS
};

enum data_state {
	DATA_LINE_START,
	DATA_TEXT,
	DATA_CR,            /* after a CR that must be followed by LF */
	DATA_DOT,           /* after a dot at the start of a line */
	DATA_DOT_CR,        /* and a CR */
	DATA_LINE_REPAIRED, /* at the start of a line, after an LF alone */
	DATA_DOT_REPAIRED,  /* and a dot, which ends nothing */
	DATA_END,
	DATA_BARE_CR,
	DATA_BARE_LF,
	DATA_NUL
};

struct data_reader {
	enum data_state state;
	enum data_framing framing;
	enum data_line_feed line_feed;
	uint64_t size; /* of the text as RFC 1870 counts it: CR LF is two, added dots are none */
};

/* Makes *reader ready for the start of a text. */
void data_reader_init(
	struct data_reader *reader, enum data_framing framing, enum data_line_feed line_feed);

/*
 * Reads on. out has room for in.len bytes; *out_len becomes how many it got.
 * Returns how many bytes of in were taken: all of them unless reader->state is
 * now DATA_END or one of the errors, which are final; what follows is not ours.
 */
size_t data_reader_take(struct data_reader *reader, struct span in, char *out, size_t *out_len);

/*
 * For DATA_CHUNKS, after the last byte: whether the text may end here. Returns
 * 0, and *missing is how many bytes of a line end it lacks, which the caller
 * adds as an LF (0: none); or -1 when it ends in a CR, and the state says so.
 */
int data_reader_finish(struct data_reader *reader, int *missing);

#endif
