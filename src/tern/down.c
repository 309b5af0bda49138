#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/clock.h"
#include "lib/exits.h"
#include "tern/command.h"
#include "tern/commands.h"
#include "tern/instance.h"
#include "tern/processes.h"
#include "tern/supervise.h"

#define USAGE "tern down [--force] [DIR]"

/*
 * An orderly stop lasts as long as the deliveries that are running, but no
 * longer than the timeout-kill of the services.
 */
enum { STOP_MILLISECONDS = 75000, FORCED_STOP_MILLISECONDS = 5000, KILL_MILLISECONDS = 10000 };

enum { PATH_SIZE = 4096 };

/* Each service is the leader of a process group of its own. */
static void
groups_note(struct services const *services, pid_t groups[SERVICES_MAX])
{
	for (size_t i = 0; i < services->count; i++) {
		struct service_state state;
		char path[SERVICE_PATH_MAX];

		snprintf(path, sizeof path, "service/%s", services->name[i]);
		service_state_read(&state, path);
		groups[i] = state.pid;
	}
}

static void
groups_kill(struct services const *services, pid_t const groups[SERVICES_MAX])
{
	for (size_t i = 0; i < services->count; i++)
		if (groups[i] > 1)
			kill(-groups[i], SIGKILL);
}

static void
ask_to_stop(struct services const *services)
{
	char path[SERVICE_PATH_MAX];

	if (svscan_runs()) {
		command_run((char const *[]){"s6-svscanctl", "-t", "service", NULL});
		return;
	}
	/* s6-svscan was killed: its supervisors are asked one by one. */
	for (int log = 0; log < 2; log++)
		for (size_t i = 0; i < services->count; i++) {
			snprintf(path, sizeof path, "service/%s%s", services->name[i],
				log ? "/log" : "");
			if (supervisor_runs(path))
				command_run((char const *[]){"s6-svc", "-xd", path, NULL});
		}
}

/*
 * A file system that was shut down, or whose disk is gone: neither the tree
 * nor the supervisors can be asked anything.
 */
static int
is_unreadable(char const *directory, char const *name)
{
	char path[PATH_SIZE];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	return stat(path, &st) == -1 && errno != ENOENT && errno != ENOTDIR && errno != EACCES;
}

/* What works in the home, without a look at any file of it. Returns the exit code. */
static int
kill_all(void)
{
	static struct timespec const pause = {0, 50000000};
	char home[PATH_SIZE];

	if (!getcwd(home, sizeof home))
		strerr_diefusys(EXIT_TEMPORARY, "get the path of the instance");
	for (int64_t end = clock_monotonic() + KILL_MILLISECONDS; processes_kill_in(home);) {
		if (clock_monotonic() > end)
			strerr_dief(EXIT_TEMPORARY, "it does not end even when killed");
		nanosleep(&pause, NULL);
	}
	puts("tern: killed");
	return EXIT_OK;
}

int
down_main(int argc, char const *const *argv)
{
	static struct services services;
	static pid_t groups[SERVICES_MAX];
	char const *directory;
	int force = argc > 1 && strcmp(argv[1], "--force") == 0;

	if (argc > 2 + force || (argc > 1 + force && argv[1 + force][0] == '-'))
		strerr_dieusage(EXIT_PERMANENT, USAGE);
	directory = instance_directory(argv[1 + force]);
	if (force && (is_unreadable(directory, ".") || is_unreadable(directory, "queue/mess") ||
			     is_unreadable(directory, "service"))) {
		if (chdir(directory) == -1)
			strerr_diefusys(EXIT_TEMPORARY, "enter ", directory);
		return kill_all();
	}
	instance_enter(directory);
	services_list(&services);
	if (!tree_runs(&services)) {
		puts("tern: it was not running");
		return EXIT_OK;
	}
	if (force)
		groups_note(&services, groups);
	ask_to_stop(&services);
	if (!tree_wait_gone(&services, force ? FORCED_STOP_MILLISECONDS : STOP_MILLISECONDS)) {
		if (!force)
			strerr_dief(
				EXIT_TEMPORARY, "it does not end; to kill it: tern down --force");
		groups_kill(&services, groups);
		return kill_all();
	}
	puts("tern: stopped");
	return EXIT_OK;
}
