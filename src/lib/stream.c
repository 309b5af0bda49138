#include "lib/stream.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

void
stream_init(struct stream *st, int in, int out, unsigned timeout_seconds)
{
	stralloc empty = STRALLOC_ZERO;

	st->in = in;
	st->out = out;
	st->timeout = timeout_seconds;
	st->timeout_in_force = 0;
	st->sockets = 1;
	st->polls = 0;
	st->begin = st->end = 0;
	st->output = empty;
}

void
stream_free(struct stream *st)
{
	stralloc_free(&st->output);
}

/* A socket times out by itself, which saves a poll for each read; a write rarely waits. */
static void
timeout_apply(struct stream *st)
{
	struct timeval tv = {.tv_sec = (time_t)st->timeout};

	if (st->timeout == st->timeout_in_force || !st->sockets || st->polls)
		return;
	if (setsockopt(st->in, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == -1)
		st->sockets = 0;
	st->timeout_in_force = st->timeout;
}

static int
wait_ready(struct stream const *st, int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	int r;

	do
		r = poll(&p, 1, (int)(st->timeout > 2000000 ? 2000000 : st->timeout) * 1000);
	while (r == -1 && errno == EINTR);
	if (r == 0)
		errno = ETIMEDOUT;
	return r == 1 ? 0 : -1;
}

struct span
stream_pending(struct stream const *st)
{
	return span(st->input + st->begin, st->end - st->begin);
}

void
stream_take(struct stream *st, size_t n)
{
	st->begin += n;
	if (st->begin == st->end)
		st->begin = st->end = 0;
}

ssize_t
stream_fill(struct stream *st)
{
	ssize_t n;

	if (st->begin > 0) {
		memmove(st->input, st->input + st->begin, st->end - st->begin);
		st->end -= st->begin;
		st->begin = 0;
	}
	if (st->end == sizeof st->input) {
		errno = ENOBUFS;
		return -1;
	}
	timeout_apply(st);
	for (;;) {
		if ((!st->sockets || st->polls) && wait_ready(st, st->in, POLLIN) == -1)
			return -1;
		n = read(st->in, st->input + st->end, sizeof st->input - st->end);
		if (n >= 0)
			break;
		if (errno == EINTR)
			continue;
		if ((errno == EAGAIN || errno == EWOULDBLOCK) && (!st->sockets || st->polls))
			continue;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			errno = ETIMEDOUT;
		return -1;
	}
	st->end += (size_t)n;
	return n;
}

int
stream_put(struct stream *st, struct span bytes)
{
	return stralloc_catb(&st->output, bytes.s, bytes.len);
}

int
stream_puts(struct stream *st, char const *string)
{
	return stralloc_cats(&st->output, string);
}

/* Returns what was written, or -1 with errno: EAGAIN to try once more, now that one can. */
static ssize_t
write_some(struct stream *st, char const *s, size_t len)
{
	ssize_t n;

	if (!st->sockets)
		return wait_ready(st, st->out, POLLOUT) == -1 ? -1 : write(st->out, s, len);
	n = send(st->out, s, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n == -1 && errno == ENOTSOCK) {
		st->sockets = 0;
		errno = EAGAIN;
	} else if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK) &&
		   wait_ready(st, st->out, POLLOUT) == 0) {
		errno = EAGAIN;
	}
	return n;
}

int
stream_flush(struct stream *st)
{
	size_t done = 0;

	while (done < st->output.len) {
		ssize_t n = write_some(st, st->output.s + done, st->output.len - done);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			continue;
		if (n == -1)
			return -1;
		done += (size_t)n;
	}
	st->output.len = 0;
	return 0;
}
