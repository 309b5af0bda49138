#ifndef LOCAL_MESSAGE_H
#define LOCAL_MESSAGE_H

#include <stdint.h>

#include "lib/span.h"

/*
 * The message to be delivered: the first `length` bytes of a descriptor whose
 * position others may share, so it is only ever read by place.
 */
enum { MESSAGE_PIECE = 64 * 1024 };

struct message {
	int fd;
	uint64_t length;
	size_t head_length;
	char head[MESSAGE_PIECE]; /* its first bytes, read once */
	char more[MESSAGE_PIECE]; /* the piece asked for last, when it was not the first */
};

/* Reads the first piece. Returns 0, or -1 with errno (EIO: there is less than length). */
int message_open(struct message *message, int fd, uint64_t length);

/*
 * Steps through the message in pieces. *offset is 0 at first. Returns 1 and
 * the next piece, valid until the next call; 0 at the end; -1 with errno.
 */
int message_next(struct message *message, uint64_t *offset, struct span *piece);

/* Whether one line of the header is this one (without its newline), in any case; or -1. */
int message_header_has(struct message *message, struct span line);

/*
 * Makes a copy with a position of its own, at its start, that no name leads
 * to: a program may read and seek in it. Returns the descriptor, or -1.
 */
int message_copy(struct message *message);

#endif
