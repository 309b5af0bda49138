#include "spool/queued.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/durable.h"
#include "spool/layout.h"

static int
history_read_from(stralloc *history, int fd)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == -1)
		return -1;
	if (!S_ISREG(st.st_mode) || st.st_size > QUEUED_HISTORY_MAX) {
		errno = EFBIG;
		return -1;
	}
	if (!stralloc_ready(history, (size_t)st.st_size + 1))
		return -1;
	n = durable_read_at(fd, history->s, (size_t)st.st_size, 0);
	if (n == -1)
		return -1;
	history->len = (size_t)n;
	return 0;
}

/* A message without a history has none: nothing has happened to it. */
static int
history_read(stralloc *history, uint64_t id)
{
	char path[SPOOL_PATH_MAX];
	int fd, r, e;

	spool_hist_path(path, id);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT ? 0 : -1;
	r = history_read_from(history, fd);
	e = errno;
	close(fd);
	errno = e;
	return r;
}

int
queued_read(struct queued *q, uint64_t id, char const **why)
{
	stralloc empty = STRALLOC_ZERO;

	q->id = id;
	q->is_active = 0;
	q->history = empty;
	q->deliveries = (struct delivery_list){NULL, 0, 0};
	switch (entry_open(&q->entry, id)) {
	case ENTRY_ABSENT:
	case ENTRY_UNSEALED: return 0;
	case ENTRY_BROKEN: *why = "is broken; tern-send will set it aside"; return -1;
	case ENTRY_TROUBLE: *why = strerror(errno); return -1;
	case ENTRY_GOOD: break;
	}
	if (history_read(&q->history, id) == 0 &&
		delivery_replay(&q->deliveries, &q->entry.envelope,
			span(q->history.s, q->history.len), NULL) == 0)
		return 1;
	*why = strerror(errno);
	queued_free(q);
	return -1;
}

void
queued_free(struct queued *q)
{
	entry_close(&q->entry);
	stralloc_free(&q->history);
	delivery_list_free(&q->deliveries);
}

int
queued_is_waiting(struct queued const *q)
{
	for (uint64_t i = 0; i < q->deliveries.length; i++)
		if (q->deliveries.recipient[i].status != DELIVERY_DONE)
			return 1;
	return 0;
}

int
queued_is_bouncing(struct queued const *q)
{
	for (uint64_t i = 0; i < q->deliveries.length; i++)
		if (q->deliveries.recipient[i].status == DELIVERY_FAILED ||
			q->deliveries.recipient[i].unreported)
			return 1;
	return 0;
}
