#include "spool/historyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/durable.h"
#include "lib/platform.h"
#include "spool/layout.h"
#include "wire/history.h"

enum { HISTORY_MODE = 0640, SYNC_EACH_MAX = 32 };

uint64_t
historyfile_due(struct delivery_list const *list)
{
	uint64_t due = UINT64_MAX;

	if (list->held)
		return 0; /* so that a start looks at it, and sees that */
	for (uint64_t i = 0; i < list->length; i++) {
		struct delivery const *d = &list->recipient[i];

		if (d->status == DELIVERY_PENDING && d->next < due)
			due = d->next;
		else if (d->status == DELIVERY_FAILED || d->unreported)
			due = 0;
	}
	return due == UINT64_MAX ? 0 : due;
}

static int
is_torn(int fd)
{
	struct stat st;
	char last = '\n';

	if (fstat(fd, &st) == -1 || (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) != 1))
		return -1;
	return last != '\n';
}

static int
lines_append(int fd, struct span lines, uint64_t due)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = due > 1 ? (time_t)due : 1}};
	int torn = is_torn(fd);

	if (torn == -1 ||
		(torn && durable_write(fd, HISTORY_TORN_END, sizeof HISTORY_TORN_END - 1) == -1) ||
		durable_write(fd, lines.s, lines.len) == -1)
		return -1;
	return futimens(fd, times);
}

int
historyfile_append(uint64_t id, struct span lines, uint64_t due)
{
	char path[SPOOL_PATH_MAX];
	int fd, result;

	spool_hist_path(path, id);
	fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		HISTORY_MODE);
	if (fd == -1)
		return -1;
	result = lines_append(fd, lines, due);
	return close(fd) == -1 ? -1 : result;
}

static int
one_sync(uint64_t id)
{
	char path[SPOOL_PATH_MAX];
	int fd, result;

	spool_hist_path(path, id);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT ? 0 : -1;
	result = fdatasync(fd);
	close(fd);
	spool_hist_directory(path, id);
	return result == 0 ? durable_directory(path) : -1;
}

/* Of many at once, all else that the file system holds is the lesser burden. */
static int
all_sync(void)
{
	int fd = open("queue/hist", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result;

	if (fd == -1)
		return -1;
	result = platform_sync_filesystem(fd);
	close(fd);
	return result;
}

int
historyfile_sync(uint64_t const *ids, size_t count)
{
	if (count > SYNC_EACH_MAX && all_sync() == 0)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (one_sync(ids[i]) == -1)
			return -1;
	return 0;
}
