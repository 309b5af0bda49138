#ifndef WIRE_CHUNK_H
#define WIRE_CHUNK_H

#include <stdint.h>

#include "lib/span.h"

/* What BDAT announces (RFC 3030, 2): so many bytes follow, and whether they are the last. */
struct chunk {
	uint64_t size;
	int last;
};

/*
 * Reads "SIZE" or "SIZE LAST". Returns 0; or -1 when it is neither, or the
 * number does not fit: then nobody knows where the next command begins.
 */
int chunk_parse(struct chunk *chunk, struct span argument);

#endif
