#ifndef TESTS_FUZZ_HOME_H
#define TESTS_FUZZ_HOME_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/span.h"

/*
 * A home for fuzzers of what reads files by name. It is made in memory at
 * the first use and removed at the end. libFuzzer's own paths are relative, so
 * that one is in it only between home_enter and home_leave.
 */
static char home_path[200];
static int home_fd = -1, home_outside = -1;

static void
home_remove(void)
{
	char command[sizeof home_path + 20];

	snprintf(command, sizeof command, "rm -rf %s", home_path);
	(void)!system(command);
}

static inline void
home_enter(void)
{
	if (home_fd == -1) {
		snprintf(home_path, sizeof home_path, "%s/tern-fuzz.XXXXXX",
			access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
		if (!mkdtemp(home_path) || atexit(home_remove) != 0)
			abort();
		home_outside = open(".", O_RDONLY | O_DIRECTORY);
		home_fd = open(home_path, O_RDONLY | O_DIRECTORY);
		if (fchdir(home_fd) == -1 || mkdir("control", 0700) == -1 ||
			mkdir("alias", 0700) == -1)
			abort();
	}
	if (fchdir(home_fd) == -1)
		abort();
}

static inline void
home_leave(void)
{
	if (fchdir(home_outside) == -1)
		abort();
}

/* Writes a file of the home. */
static inline void
home_write(char const *path, struct span text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || write(fd, text.s, text.len) != (ssize_t)text.len)
		abort();
	close(fd);
}

/* The same, but with a NUL at its beginning there is no such file. */
static inline void
home_setting(char const *path, struct span text)
{
	if (text.len && text.s[0] == '\0')
		unlink(path);
	else
		home_write(path, text);
}

#endif
