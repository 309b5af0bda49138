#ifndef LOCAL_OUTPUT_H
#define LOCAL_OUTPUT_H

#include <skalibs/stralloc.h>

#include "lib/span.h"

/* Gathers what goes to a file, so that a small message is one write. */
struct output {
	int fd;
	int failed; /* the errno of the first failure; nothing is written after it */
	stralloc gathered;
};

/* Starts on fd, which stays the caller's. */
void output_begin(struct output *o, int fd);

void output_put(struct output *o, struct span bytes);

/* Writes the rest. Returns 0, or -1 with errno when anything failed. */
int output_end(struct output *o);

#endif
