#include "send/history.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/durable.h"
#include "send/log.h"
#include "send/notices.h"
#include "spool/layout.h"
#include "wire/history.h"

enum { HISTORY_FILE_MAX = 256 * 1024 * 1024, HISTORY_MODE = 0640 };

static struct message *unsynced; /* linked by next_unsynced */
static struct message *stuck;    /* linked by next_stuck */

int
history_read(struct message *m)
{
	char path[SPOOL_PATH_MAX];
	struct stat st;
	ssize_t n = -1;
	int fd;

	spool_hist_path(path, m->id);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT ? 0 : -1;
	if (fstat(fd, &st) == 0) {
		errno = EINVAL;
		if (S_ISREG(st.st_mode) && st.st_size <= HISTORY_FILE_MAX &&
			stralloc_ready(&m->history, (size_t)st.st_size + 1))
			n = durable_read_at(fd, m->history.s, (size_t)st.st_size, 0);
	}
	close(fd);
	if (n == -1)
		return -1;
	m->history.len = (size_t)n;
	m->has_history = 1;
	m->unsynced_name = 1; /* as far as we know: an earlier load may only have deferred */
	m->history_torn = n && m->history.s[n - 1] != '\n';
	return 0;
}

uint64_t
history_next_due(struct message const *m)
{
	uint64_t next = UINT64_MAX, notice;

	if (m->deliveries.held)
		return 0; /* so that a start looks at it, and sees that */
	for (uint64_t i = 0; i < m->deliveries.length; i++) {
		struct delivery const *d = &m->deliveries.recipient[i];

		if (d->status == DELIVERY_PENDING && d->next < next)
			next = d->next;
	}
	notice = m->notice_after ? m->notice_after : notices_next(m);
	return notice < next ? notice : next;
}

static void
list_remove(struct message **list, struct message *m, size_t link)
{
	struct message **at = list;

	while (*at && *at != m)
		at = (struct message **)(void *)((char *)*at + link);
	if (*at)
		*at = *(struct message **)(void *)((char *)m + link);
}

void
history_release(struct message *m)
{
	list_remove(&unsynced, m, offsetof(struct message, next_unsynced));
	list_remove(&stuck, m, offsetof(struct message, next_stuck));
}

/* After an error of fsync nothing is tried again: at worst a recipient gets a second copy. */
void
history_sync(struct message *m)
{
	char path[SPOOL_PATH_MAX];
	int fd;

	if (!m->unsynced)
		return;
	m->unsynced = 0;
	list_remove(&unsynced, m, offsetof(struct message, next_unsynced));
	spool_hist_path(path, m->id);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1 || fdatasync(fd) == -1)
		log_message_warning(m->id,
			"its history can not be made durable: ", span_string(strerror(errno)));
	if (fd != -1)
		close(fd);
	if (m->unsynced_name) {
		m->unsynced_name = 0;
		spool_hist_directory(path, m->id);
		if (durable_directory(path) == -1)
			log_message_warning(m->id, "its history can not be made durable: ",
				span_string(strerror(errno)));
	}
}

void
history_sync_all(void)
{
	while (unsynced)
		history_sync(unsynced);
}

int
history_sync_waits(void)
{
	return unsynced != NULL;
}

struct message *
history_stuck_take(void)
{
	struct message *m = stuck;

	if (m)
		stuck = m->next_stuck;
	return m;
}

int
history_stuck_waits(void)
{
	return stuck != NULL;
}

/* A line that only half got there is ended, so that the next one is whole. */
static int
lines_write(struct message *m, int fd)
{
	/* What is on its way is due, and the many need not be looked at. */
	uint64_t next = m->batches ? 1 : history_next_due(m);
	struct timespec times[2] = {
		{.tv_nsec = UTIME_OMIT}, {.tv_sec = next > 1 ? (time_t)next : 1}};

	if (next == UINT64_MAX)
		times[1].tv_sec = 1;
	if (m->history_torn &&
		durable_write(fd, HISTORY_TORN_END, sizeof HISTORY_TORN_END - 1) == -1)
		return -1;
	m->history_torn = 1;
	if (durable_write(fd, m->unwritten.s, m->unwritten.len) == -1)
		return -1;
	m->history_torn = 0;
	m->unwritten.len = 0;
	if (m->unwritten_done && !m->unsynced) {
		m->unsynced = 1;
		m->next_unsynced = unsynced;
		unsynced = m;
	}
	m->unwritten_done = 0;
	return futimens(fd, times);
}

int
history_write(struct message *m)
{
	char path[SPOOL_PATH_MAX];
	int result = -1;
	int fd;

	if (m->unwritten.len == 0)
		return 0;
	spool_hist_path(path, m->id);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		HISTORY_MODE);
	if (fd != -1) {
		m->unsynced_name |= !m->has_history;
		m->has_history = 1;
		result = lines_write(m, fd);
		close(fd);
	}
	if (result == -1)
		log_message_warning(m->id, "its history can not be written, will try again: ",
			span_string(strerror(errno)));
	list_remove(&stuck, m, offsetof(struct message, next_stuck));
	if (m->unwritten.len == 0)
		return 0;
	m->next_stuck = stuck;
	stuck = m;
	return -1;
}
