#include "lib/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/stralloc.h>

int
durable_write(int fd, void const *s, size_t len)
{
	char const *at = s;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t
durable_read_at(int fd, void *s, size_t len, size_t offset)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, (char *)s + got, len - got, (off_t)(offset + got));

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int
durable_directory(char const *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result;

	if (fd == -1)
		return -1;
	result = fsync(fd);
	close(fd);
	return result;
}

static int
directory_of(char const *path)
{
	stralloc dir = STRALLOC_ZERO;
	char const *slash = strrchr(path, '/');
	int result = -1;

	if (slash ? stralloc_catb(&dir, path, (size_t)(slash - path) + 1)
		  : stralloc_cats(&dir, "."))
		if (stralloc_0(&dir))
			result = durable_directory(dir.s);
	stralloc_free(&dir);
	return result;
}

static int
write_new(char const *path, unsigned mode, void const *s, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);

	if (fd == -1)
		return -1;
	if (durable_write(fd, s, len) == -1 || fsync(fd) == -1) {
		close(fd);
		return -1;
	}
	return close(fd);
}

int
durable_replace(char const *path, unsigned mode, void const *s, size_t len)
{
	stralloc tmp = STRALLOC_ZERO;
	int result = -1;

	if (stralloc_cats(&tmp, path) && stralloc_cats(&tmp, ".tmp") && stralloc_0(&tmp)) {
		if (write_new(tmp.s, mode, s, len) == -1)
			unlink(tmp.s);
		else if (rename(tmp.s, path) == -1)
			unlink(tmp.s);
		else
			result = directory_of(path);
	}
	stralloc_free(&tmp);
	return result;
}
