#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/clock.h"
#include "lib/exits.h"
#include "lib/spawn.h"
#include "tern/command.h"
#include "tern/commands.h"
#include "tern/instance.h"
#include "tern/status.h"
#include "tern/supervise.h"

#define USAGE "tern up [--foreground] [DIR]"

enum { SCAN_SECONDS = 10, READY_SECONDS = 20, READY_FD = 4 };

static char const *const svscan[] = {"s6-svscan", "-d", "4", "service", NULL};

/*
 * What of our surroundings the services get: not what happens to be in the
 * shell of an administrator.
 */
static void
environment_clean(void)
{
	static char const *const kept[] = {"PATH", "TERNHOME", "TZ", "LD_LIBRARY_PATH",
		"LD_PRELOAD", "ASAN_OPTIONS", "UBSAN_OPTIONS"};
	enum { KEPT = sizeof kept / sizeof kept[0] };
	static char *clean[KEPT + 1];
	size_t n = 0;
	extern char **environ;

	for (size_t i = 0; i < KEPT; i++) {
		char const *value = getenv(kept[i]);
		size_t size = value ? strlen(kept[i]) + strlen(value) + 2 : 0;

		if (!value)
			continue;
		clean[n] = malloc(size);
		if (!clean[n])
			strerr_diefusys(EXIT_TEMPORARY, "get memory");
		snprintf(clean[n++], size, "%s=%s", kept[i], value);
	}
	environ = clean;
}

static void
wait_for_scan(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char byte;

	if (poll(&p, 1, SCAN_SECONDS * 1000) != 1 || read(fd, &byte, 1) != 1)
		strerr_dief(EXIT_TEMPORARY, "s6-svscan does not start; run/svscan.log says why");
}

/* In a session of its own, so that no terminal's signals reach it. */
static void
svscan_start(void)
{
	int log =
		open("run/svscan.log", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int ready[2];
	pid_t pid;

	if (log == -1)
		strerr_diefusys(EXIT_TEMPORARY, "open run/svscan.log");
	if (null == -1 || pipe(ready) == -1 || fcntl(ready[0], F_SETFD, FD_CLOEXEC) == -1 ||
		fcntl(ready[1], F_SETFD, FD_CLOEXEC) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "make a pipe");
	pid = spawn_fork((int[]){null, log, log, -1, ready[1]}, READY_FD + 1);
	if (pid == -1)
		strerr_diefusys(EXIT_TEMPORARY, "fork");
	if (pid == 0) {
		setsid();
		command_exec(svscan);
	}
	close(ready[1]);
	wait_for_scan(ready[0]);
	close(ready[0]);
	close(log);
	close(null);
}

/* The service directories that are to be up: not those an administrator marked as down. */
static struct {
	size_t count;
	char path[SERVICES_MAX * 2][SERVICE_PATH_MAX];
} wanted;

static void
wanted_list(struct services const *services)
{
	for (size_t i = 0; i < services->count; i++) {
		char path[SERVICE_PATH_MAX + 8];

		snprintf(path, sizeof path, "service/%s/down", services->name[i]);
		if (access(path, F_OK) == 0)
			continue;
		snprintf(wanted.path[wanted.count++], SERVICE_PATH_MAX, "service/%s",
			services->name[i]);
		snprintf(path, sizeof path, "service/%s/log", services->name[i]);
		if (access(path, F_OK) == 0)
			snprintf(wanted.path[wanted.count++], SERVICE_PATH_MAX, "service/%s/log",
				services->name[i]);
	}
}

/* Whether nothing will change by waiting: each is ready, or stays down. */
static int
all_settled(void)
{
	for (size_t i = 0; i < wanted.count; i++) {
		struct service_state state;

		service_state_read(&state, wanted.path[i]);
		if (state.up ? !state.ready : state.wanted)
			return 0;
	}
	return 1;
}

/* s6-svwait does not notice what was down for good before it looked: it is asked again. */
static void
wait_until_ready(void)
{
	static char const *argv[SERVICES_MAX * 2 + 5] = {"s6-svwait", "-U", "-t", "500"};
	int64_t deadline = clock_monotonic() + READY_SECONDS * 1000;
	stralloc ignored = STRALLOC_ZERO;
	size_t argc = 4;

	for (size_t i = 0; i < wanted.count; i++)
		if (supervisor_wait(wanted.path[i], SCAN_SECONDS * 1000))
			argv[argc++] = wanted.path[i];
	argv[argc] = NULL;
	while (argc > 4 && command_read(argv, &ignored) != 0 && !all_settled())
		if (clock_monotonic() >= deadline)
			break;
	stralloc_free(&ignored);
}

int
up_main(int argc, char const *const *argv)
{
	static struct services services;
	int foreground = argc > 1 && strcmp(argv[1], "--foreground") == 0;

	if (argc > 2 + foreground || (argc > 1 + foreground && argv[1 + foreground][0] == '-'))
		strerr_dieusage(EXIT_PERMANENT, USAGE);
	instance_enter(instance_directory(argv[1 + foreground]));
	services_list(&services);
	tree_heal(&services);
	environment_clean();
	if (foreground) {
		if (svscan_runs())
			strerr_dief(EXIT_PERMANENT, "it is running already");
		command_exec((char const *[]){"s6-svscan", "service", NULL});
	}
	wanted_list(&services);
	if (!svscan_runs()) {
		for (size_t i = 0; i < wanted.count; i++)
			supervisor_forget(wanted.path[i]);
		svscan_start();
	}
	wait_until_ready();
	return status_print(&services, STATUS_TEXT);
}
