#ifndef REMOTE_SOURCE_H
#define REMOTE_SOURCE_H

#include <stdint.h>

#include "lib/span.h"

/* The text of a message: the first `length` bytes of a descriptor, by blocks. */
enum { SOURCE_BLOCK = 64 * 1024 };

struct source {
	int fd;
	uint64_t length;
	uint64_t offset; /* of the block at hand */
	size_t have;     /* its length; 0: none */
	char block[SOURCE_BLOCK];
};

/* Starts on a descriptor, which stays the caller's. */
void source_init(struct source *source, int fd, uint64_t length);

/*
 * Looks at the text from offset on: a block, or what is left of it. Returns 0;
 * or -1 with errno, EIO when the descriptor holds less than it should.
 */
int source_block(struct source *source, uint64_t offset, struct span *block);

/* The number of bytes with CR LF line ends (RFC 1870, 5). Returns 0, or -1 with errno. */
int source_wire_size(struct source *source, uint64_t *size);

#endif
