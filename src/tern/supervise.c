#include "tern/supervise.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/clock.h"
#include "lib/exits.h"
#include "tern/command.h"

enum { POLL_MILLISECONDS = 20, HEAL_MILLISECONDS = 70000 };

static int
by_name(void const *a, void const *b)
{
	return strcmp(a, b);
}

void
services_list(struct services *services)
{
	DIR *dir = opendir("service");
	struct dirent const *entry;

	services->count = 0;
	if (!dir)
		strerr_diefusys(EXIT_PERMANENT, "read the folder service");
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && services->count < SERVICES_MAX)
			snprintf(services->name[services->count++], sizeof services->name[0], "%s",
				entry->d_name);
	closedir(dir);
	qsort(services->name, services->count, sizeof services->name[0], by_name);
}

/* s6 programs listen on a fifo: without a reader it can not be opened for writing. */
static int
fifo_has_reader(char const *path)
{
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd != -1) {
		close(fd);
		return 1;
	}
	if (errno == EACCES)
		strerr_dief(EXIT_PERMANENT,
			"this instance is another user's; run this as root or as its owner");
	return 0;
}

int
svscan_runs(void)
{
	return fifo_has_reader("service/.s6-svscan/control");
}

int
supervisor_runs(char const *service_directory)
{
	char path[SERVICE_PATH_MAX + 32];

	snprintf(path, sizeof path, "%s/supervise/control", service_directory);
	return fifo_has_reader(path);
}

static void
service_path(char path[SERVICE_PATH_MAX], char const *name, int log)
{
	snprintf(path, SERVICE_PATH_MAX, "service/%s%s", name, log ? "/log" : "");
}

int
tree_runs(struct services const *services)
{
	char path[SERVICE_PATH_MAX];

	if (svscan_runs())
		return 1;
	for (size_t i = 0; i < services->count; i++)
		for (int log = 0; log < 2; log++) {
			service_path(path, services->name[i], log);
			if (supervisor_runs(path))
				return 1;
		}
	return 0;
}

static struct timespec const pause_between = {0, POLL_MILLISECONDS * 1000000};

static void
status_path(char path[SERVICE_PATH_MAX + 32], char const *service_directory)
{
	snprintf(path, SERVICE_PATH_MAX + 32, "%s/supervise/status", service_directory);
}

void
supervisor_forget(char const *service_directory)
{
	char path[SERVICE_PATH_MAX + 32];

	status_path(path, service_directory);
	if (unlink(path) == -1 && errno != ENOENT && errno != ENOTDIR)
		strerr_warnwusys("remove ", path);
}

int
supervisor_wait(char const *service_directory, int64_t milliseconds)
{
	int64_t deadline = clock_monotonic() + milliseconds;
	char path[SERVICE_PATH_MAX + 32];

	status_path(path, service_directory);
	while (access(path, F_OK) == -1) {
		if (clock_monotonic() >= deadline)
			return 0;
		nanosleep(&pause_between, NULL);
	}
	return 1;
}

int
tree_wait_gone(struct services const *services, int64_t milliseconds)
{
	int64_t deadline = clock_monotonic() + milliseconds;

	while (tree_runs(services)) {
		if (clock_monotonic() >= deadline)
			return 0;
		nanosleep(&pause_between, NULL);
	}
	return 1;
}

void
tree_heal(struct services const *services)
{
	char path[SERVICE_PATH_MAX];

	if (svscan_runs() || !tree_runs(services))
		return;
	strerr_warnw("s6-svscan was killed: stopping what it left behind");
	for (int log = 0; log < 2; log++)
		for (size_t i = 0; i < services->count; i++) {
			service_path(path, services->name[i], log);
			if (supervisor_runs(path))
				command_run((char const *[]){"s6-svc", "-xd", path, NULL});
		}
	if (!tree_wait_gone(services, HEAL_MILLISECONDS))
		strerr_dief(EXIT_TEMPORARY,
			"what s6-svscan left behind does not end; try: tern down --force");
}

static int
is_true(char const *word)
{
	return strcmp(word, "true") == 0;
}

void
service_state_read(struct service_state *state, char const *service_directory)
{
	stralloc output = STRALLOC_ZERO;
	char up[8], wanted[8], ready[8];
	long pid, code;
	unsigned long long since;
	char const *argv[] = {"s6-svstat", "-o", "up,wantedup,ready,pid,exitcode,updownfor",
		service_directory, NULL};

	memset(state, 0, sizeof *state);
	state->exit_code = -1;
	if (!supervisor_runs(service_directory))
		return;
	if (command_read(argv, &output) == 0 && stralloc_0(&output) &&
		sscanf(output.s, "%7s %7s %7s %ld %ld %llu", up, wanted, ready, &pid, &code,
			&since) == 6) {
		state->supervised = 1;
		state->up = is_true(up);
		state->wanted = is_true(wanted);
		state->ready = is_true(ready);
		state->pid = pid > 0 ? (pid_t)pid : 0;
		state->exit_code = (int)code;
		state->since = since;
	}
	stralloc_free(&output);
}
