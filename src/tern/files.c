#include "tern/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/durable.h"
#include "lib/exits.h"

enum { NAME_SIZE = 256 };

/* Was just made, or was there, or could not be made. */
static int
made(int result, char const *path, mode_t mode)
{
	if (result == -1 && errno == EEXIST)
		return 0;
	if (result == -1 || chmod(path, mode) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "make ", path);
	return 1;
}

int
files_directory(char const *path, mode_t mode)
{
	return made(mkdir(path, 0700), path, mode);
}

int
files_fifo(char const *path, mode_t mode)
{
	return made(mkfifo(path, 0600), path, mode);
}

int
files_link(char const *target, char const *path)
{
	if (symlink(target, path) == 0)
		return 1;
	if (errno != EEXIST)
		strerr_diefusys(EXIT_TEMPORARY, "make the link ", path);
	return 0;
}

static int
open_at(int directory, char const *name, int flags)
{
	int fd = openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC);
	int e = errno;

	if (directory != AT_FDCWD)
		close(directory);
	errno = e;
	return fd;
}

int
files_open_below(char const *path, int flags)
{
	char part[NAME_SIZE];
	char const *slash;
	int at = AT_FDCWD;

	for (; (slash = strchr(path, '/')); path = slash + 1) {
		snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		at = open_at(at, part, O_RDONLY | O_DIRECTORY);
		if (at == -1)
			return -1;
	}
	return open_at(at, path, flags);
}

int
files_write(char const *path, mode_t mode, struct span text)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return 0;
	if (errno != ENOENT)
		strerr_diefusys(EXIT_TEMPORARY, "look at ", path);
	if (durable_replace(path, 0600, text.s, text.len) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "write ", path);
	return made(0, path, mode);
}
