#ifndef INJECT_INPUT_H
#define INJECT_INPUT_H

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * The message on a descriptor: the header, kept whole, then the body in
 * pieces, so that its size is nobody's concern. CR LF becomes LF.
 */
enum { INPUT_HEADER_MAX = 10 * 1024 * 1024, INPUT_READ = 64 * 1024 };

struct input {
	int fd;
	int at_end;
	int had_cr;         /* the last byte read was a CR */
	stralloc text;      /* what was read and not yet given out */
	size_t header, end; /* of the header in it */
	size_t body;        /* where the body begins in it */
};

enum input_result {
	INPUT_GOOD,
	INPUT_END,
	INPUT_TOO_LARGE, /* the header */
	INPUT_ERROR      /* errno */
};

void input_init(struct input *input, int fd);

/*
 * Reads the header, up to a blank line or to the first line that can not
 * belong to one (which then is the body's). The "From " line of a mailbox
 * before it is left out. *header is valid until the next call and ends in a
 * newline unless it is empty.
 */
enum input_result input_header(struct input *input, struct span *header);

/* The next piece of the body, valid until the next call; INPUT_END after the last. */
enum input_result input_body(struct input *input, struct span *piece);

void input_free(struct input *input);

#endif
