#include "tern/programs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/durable.h"
#include "lib/exits.h"
#include "tern/files.h"

enum { COPY_SIZE = 64 * 1024 };

/* What we were called as, found as the shell found it. */
static int
path_by_name(char path[PROGRAM_PATH_MAX], char const *argv0)
{
	char const *at = getenv("PATH");
	char candidate[PROGRAM_PATH_MAX];

	if (strchr(argv0, '/'))
		return realpath(argv0, path) != NULL;
	while (at && *at) {
		size_t len = strcspn(at, ":");

		snprintf(candidate, sizeof candidate, "%.*s/%s", (int)len, at, argv0);
		if (access(candidate, X_OK) == 0 && realpath(candidate, path))
			return 1;
		at += len + (at[len] == ':');
	}
	return 0;
}

void
programs_directory(char path[PROGRAM_PATH_MAX], char const *argv0)
{
	if (!realpath("/proc/self/exe", path) && !path_by_name(path, argv0))
		strerr_dief(EXIT_TEMPORARY,
			"can not find out where my programs are; call me by my path");
	*strrchr(path, '/') = '\0';
}

static void
program_open(struct programs *programs, int directory, char const *name)
{
	struct program *program = &programs->program[programs->count];
	struct stat st;
	ssize_t len;

	if (strlen(name) >= PROGRAM_NAME_MAX || fstatat(directory, name, &st, 0) == -1 ||
		!S_ISREG(st.st_mode))
		return;
	if (programs->count == PROGRAMS_MAX)
		strerr_dief(EXIT_PERMANENT, "too many files in the folder of the programs");
	snprintf(program->name, sizeof program->name, "%s", name);
	len = readlinkat(directory, name, program->target, sizeof program->target - 1);
	program->target[len > 0 ? len : 0] = '\0';
	program->fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	if (program->fd == -1)
		strerr_diefusys(EXIT_TEMPORARY, "read the program ", name);
	programs->count++;
}

void
programs_open(struct programs *programs, char const *directory)
{
	DIR *dir = opendir(directory);
	struct dirent const *entry;

	programs->count = 0;
	if (!dir)
		strerr_diefusys(EXIT_TEMPORARY, "read ", directory);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			program_open(programs, dirfd(dir), entry->d_name);
	closedir(dir);
}

static void
copy(int from, char const *path)
{
	static char buffer[COPY_SIZE];
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	size_t done = 0;
	ssize_t n;

	if (to == -1)
		strerr_diefusys(EXIT_TEMPORARY, "make ", path);
	while ((n = durable_read_at(from, buffer, sizeof buffer, done)) > 0) {
		if (durable_write(to, buffer, (size_t)n) == -1)
			strerr_diefusys(EXIT_TEMPORARY, "write ", path);
		done += (size_t)n;
	}
	if (n == -1 || fchmod(to, 0755) == -1 || close(to) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "write ", path);
}

/* Under another name until it is whole. */
void
programs_copy(struct programs *programs)
{
	char path[PROGRAM_NAME_MAX + 16];
	struct stat st;
	int wanted = lstat("bin", &st) == -1;

	if (wanted)
		files_directory("bin.new", 0755);
	for (size_t i = 0; i < programs->count; i++) {
		struct program const *program = &programs->program[i];

		snprintf(path, sizeof path, "bin.new/%s", program->name);
		if (wanted && program->target[0] && !strchr(program->target, '/'))
			files_link(program->target, path);
		else if (wanted)
			copy(program->fd, path);
		close(program->fd);
	}
	if (wanted && rename("bin.new", "bin") == -1)
		strerr_diefusys(EXIT_TEMPORARY, "make the folder bin");
}
