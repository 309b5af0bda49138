#include "qread/message.h"

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
	if (!S_ISREG(st.st_mode) || st.st_size > MESSAGE_HISTORY_MAX) {
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
message_read(struct message *m, uint64_t id, char const **why)
{
	stralloc empty = STRALLOC_ZERO;

	m->id = id;
	m->history = empty;
	m->deliveries = (struct delivery_list){NULL, 0, 0};
	switch (entry_open(&m->entry, id)) {
	case ENTRY_ABSENT:
	case ENTRY_UNSEALED: return 0;
	case ENTRY_BROKEN: *why = "is broken; tern-send will set it aside"; return -1;
	case ENTRY_TROUBLE: *why = strerror(errno); return -1;
	case ENTRY_GOOD: break;
	}
	if (history_read(&m->history, id) == 0 &&
		delivery_replay(&m->deliveries, &m->entry.envelope,
			span(m->history.s, m->history.len), NULL) == 0)
		return 1;
	*why = strerror(errno);
	message_free(m);
	return -1;
}

void
message_free(struct message *m)
{
	entry_close(&m->entry);
	stralloc_free(&m->history);
	delivery_list_free(&m->deliveries);
}

int
message_is_waiting(struct message const *m)
{
	for (uint64_t i = 0; i < m->deliveries.length; i++)
		if (m->deliveries.recipient[i].status != DELIVERY_DONE)
			return 1;
	return 0;
}

int
message_is_bouncing(struct message const *m)
{
	for (uint64_t i = 0; i < m->deliveries.length; i++)
		if (m->deliveries.recipient[i].status == DELIVERY_FAILED)
			return 1;
	return 0;
}
