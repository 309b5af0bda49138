#include "lib/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/durable.h"

enum { COUNTERS_MODE = 0640 };

struct file {
	char head[16];
	_Atomic uint64_t value[];
};

static char const head[16] = "tern counters 1\n";

static struct file *file;
static size_t file_count;

static size_t
size_of(size_t count)
{
	return sizeof(struct file) + count * sizeof(uint64_t);
}

static int
is_good(int fd, size_t count)
{
	char begin[sizeof head];
	struct stat st;

	return fstat(fd, &st) == 0 && (size_t)st.st_size == size_of(count) &&
	       durable_read_at(fd, begin, sizeof begin, 0) == sizeof begin &&
	       memcmp(begin, head, sizeof head) == 0;
}

/* Never cuts a file that others may have mapped: it would kill them. */
static int
file_make(char const *path, size_t count)
{
	int fd;

	if (unlink(path) == -1 && errno != ENOENT)
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, COUNTERS_MODE);
	if (fd == -1)
		return -1;
	if (ftruncate(fd, (off_t)size_of(count)) == -1 ||
		pwrite(fd, head, sizeof head, 0) != sizeof head) {
		int e = errno;

		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

/* A file that can be used as it is keeps its numbers. */
int
counters_open(char const *path, size_t count)
{
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	void *map;
	int e;

	if (fd == -1 || !is_good(fd, count)) {
		if (fd != -1)
			close(fd);
		fd = file_make(path, count);
		if (fd == -1)
			return -1;
	}
	map = mmap(NULL, size_of(count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	e = errno;
	close(fd);
	errno = e;
	if (map == MAP_FAILED)
		return -1;
	file = map;
	file_count = count;
	return 0;
}

void
counters_add(size_t which)
{
	if (which < file_count)
		atomic_fetch_add_explicit(&file->value[which], 1, memory_order_relaxed);
}

int
counters_read(int fd, uint64_t *values, size_t count)
{
	size_t len = count * sizeof *values;

	if (!is_good(fd, count))
		return -1;
	return durable_read_at(fd, values, len, sizeof(struct file)) == (ssize_t)len ? 0 : -1;
}
