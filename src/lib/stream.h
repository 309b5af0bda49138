#ifndef LIB_STREAM_H
#define LIB_STREAM_H

#include <stddef.h>
#include <sys/types.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * A conversation over a pair of descriptors, or one socket twice, where each
 * read and write waits a bounded time. The reader looks at what has arrived
 * and takes what it understood; the writer gathers, so that what belongs
 * together leaves in one write.
 */
enum { STREAM_INPUT_MAX = 32 * 1024 };

struct stream {
	int in;
	int out;
	unsigned timeout; /* seconds for each read and each write */
	unsigned timeout_in_force;
	int sockets; /* whether the kernel keeps the time for us */
	int polls;   /* set by who reads a Unix socket: Linux wakes one that waits in read
			also when what it wrote is read, but not one that waits in poll */
	size_t begin;
	size_t end;
	stralloc output; /* not yet written */
	char input[STREAM_INPUT_MAX];
};

/* Starts on the two descriptors, which stay the caller's; in and out may be one. */
void stream_init(struct stream *st, int in, int out, unsigned timeout_seconds);

/* Frees what the output took. */
void stream_free(struct stream *st);

/* What has arrived and was not yet taken; valid until the next call. */
struct span stream_pending(struct stream const *st);

/* Takes the first n bytes of it. */
void stream_take(struct stream *st, size_t n);

/*
 * Waits for more input. Returns the number of bytes that came; 0 at the end of
 * input; -1 with errno: ETIMEDOUT, ENOBUFS when the buffer is full.
 */
ssize_t stream_fill(struct stream *st);

/* Adds to the output. Returns 1, or 0 without memory. */
int stream_put(struct stream *st, struct span bytes);
int stream_puts(struct stream *st, char const *string);

/* Writes all output. Returns 0, or -1 with errno (ETIMEDOUT, EPIPE, ...). */
int stream_flush(struct stream *st);

#endif
