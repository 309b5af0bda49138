/*
 * nosync: not a test but a tool for tests: a library to preload that makes a
 * program forget some of its fsyncs, to see whether the tests of power cuts
 * notice. fsync and fdatasync of what NOSYNC_TYPE ('f' file, 'd' directory)
 * and NOSYNC_PATH (fnmatch(3), of the whole path) name do nothing and succeed.
 */
#define _GNU_SOURCE /* RTLD_NEXT */

#include <dlfcn.h>
#include <fnmatch.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int
is_skipped(int fd)
{
	char link[40], path[4096];
	struct stat st;
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n <= 0 || fstat(fd, &st) == -1)
		return 0;
	path[n] = '\0';
	return (S_ISDIR(st.st_mode) ? 'd' : 'f') == NOSYNC_TYPE &&
	       fnmatch(NOSYNC_PATH, path, 0) == 0;
}

static int
call(char const *name, int fd)
{
	int (*real)(int);

	*(void **)&real = dlsym(RTLD_NEXT, name);
	return real(fd);
}

int
fsync(int fd)
{
	return is_skipped(fd) ? 0 : call("fsync", fd);
}

int
fdatasync(int fd)
{
	return is_skipped(fd) ? 0 : call("fdatasync", fd);
}
