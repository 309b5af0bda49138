#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "tern/command.h"
#include "tern/commands.h"
#include "tern/instance.h"
#include "tern/supervise.h"

#define USAGE "tern down [--force] [DIR]"

/*
 * An orderly stop lasts as long as the deliveries that are running, but no
 * longer than the timeout-kill of the services.
 */
enum { STOP_MILLISECONDS = 75000, FORCED_STOP_MILLISECONDS = 5000, KILL_MILLISECONDS = 10000 };

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

int
down_main(int argc, char const *const *argv)
{
	static struct services services;
	static pid_t groups[SERVICES_MAX];
	int force = argc > 1 && strcmp(argv[1], "--force") == 0;

	if (argc > 2 + force || (argc > 1 + force && argv[1 + force][0] == '-'))
		strerr_dieusage(EXIT_PERMANENT, USAGE);
	instance_enter(instance_directory(argv[1 + force]));
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
		if (!tree_wait_gone(&services, KILL_MILLISECONDS))
			strerr_dief(EXIT_TEMPORARY, "it does not end even when killed");
	}
	puts("tern: stopped");
	return EXIT_OK;
}
