#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "policy/confinement.h"
#include "tern/checkcontrol.h"
#include "tern/commands.h"
#include "tern/instance.h"
#include "tern/processes.h"

#define USAGE "tern check [--confinement] [--json] [DIR]"

enum {
	CHECK_GOOD = 0,
	CHECK_BAD = 1,
	/* A process that has just been made has not yet confined itself. */
	TRIES = 20,
	TRY_NANOSECONDS = 50000000
};

enum check_form { CHECK_TEXT, CHECK_JSON };

/* The line of the table that is about the process, or NULL: it is no program of ours. */
static struct confinement const *
confinement_of(struct processes const *processes, struct process const *process)
{
	struct process const *parent = processes_get(processes, process->parent);
	int is_child = parent && strcmp(parent->name, process->name) == 0;

	for (size_t i = 0; i < CONFINEMENT_ROLES; i++) {
		struct confinement const *c = &confinement_table[i];
		int of_child = strcmp(c->part, "worker") == 0 || strcmp(c->part, "lookup") == 0;

		if (strcmp(c->confine.program, process->name) == 0 && of_child == is_child)
			return c;
	}
	return NULL;
}

static int
is_owner(uid_t uid, char const *path)
{
	struct stat st;

	return stat(path, &st) == -1 || st.st_uid == uid;
}

/* What it lacks of what the table says, or NULL. */
static char const *
lack(struct process const *process, struct confinement const *c)
{
	unsigned may = c->confine.may;

	if (c->owner_of && !is_owner(process->uid, c->owner_of))
		return "it runs as another user than who owns its folder";
	if (strcmp(process->name, "tern-local") == 0 && process->uid == 0)
		return "it runs as root";
	if (process->capabilities & ~(uint64_t)c->confine.capabilities)
		return "it has capabilities that it does not need";
	if (may & CONFINE_GAIN)
		return NULL;
	if (!process->no_new_privileges)
		return "it could gain privileges by a setuid program";
	if (!process->filter)
		return "it has no filter of system calls";
	return NULL;
}

static size_t
lacking(struct processes const *processes)
{
	size_t n = 0;

	for (size_t i = 0; i < processes->count; i++) {
		struct confinement const *c = confinement_of(processes, &processes->list[i]);

		n += c && lack(&processes->list[i], c);
	}
	return n;
}

static char const *
filter_name(struct process const *process, struct confinement const *c)
{
	if (!process->filter)
		return "none";
	return c->confine.may & CONFINE_RUN ? "escapes" : "calls";
}

static void
print_text(struct process const *process, struct confinement const *c)
{
	struct passwd const *user = getpwuid(process->uid);
	char name[32], uid[24];

	snprintf(name, sizeof name, "%s %s", process->name, c->part);
	snprintf(uid, sizeof uid, "%lu", (unsigned long)process->uid);
	printf("%-18s %7ld %-8s %-6s %-7s %-4s %s\n", name, (long)process->pid,
		user ? user->pw_name : uid, process->no_new_privileges ? "no" : "may",
		filter_name(process, c), process->capabilities ? "some" : "none", c->reach);
}

static void
print_json(struct process const *process, struct confinement const *c, int is_first)
{
	char const *why = lack(process, c);

	printf("%s{\"program\":\"%s\",\"part\":\"%s\",\"pid\":%ld,\"uid\":%lu,"
	       "\"may_gain_privileges\":%s,\"filter\":\"%s\",\"capabilities\":\"%llx\","
	       "\"reach\":\"%s\",\"lack\":",
		is_first ? "" : ",", process->name, c->part, (long)process->pid,
		(unsigned long)process->uid, process->no_new_privileges ? "false" : "true",
		filter_name(process, c), (unsigned long long)process->capabilities, c->reach);
	if (why)
		printf("\"%s\"}", why);
	else
		fputs("null}", stdout);
}

static void
print_end_text(struct processes const *processes)
{
	int version = confine_landlock_version();

	if (version)
		printf("Landlock: version %d of this kernel keeps files to what is said above\n",
			version);
	else
		puts("Landlock: this kernel has none; files are kept by their owners alone");
	if (!confinement_is_on())
		puts("control/confinement has turned all this off");
	for (size_t i = 0; i < processes->count; i++) {
		struct process const *process = &processes->list[i];
		struct confinement const *c = confinement_of(processes, process);
		char const *why = c ? lack(process, c) : NULL;

		if (why)
			printf("%s %ld is less confined than it should be: %s\n", process->name,
				(long)process->pid, why);
	}
}

static void
print(struct processes const *processes, enum check_form form)
{
	size_t printed = 0;

	if (form == CHECK_TEXT)
		printf("%-18s %7s %-8s %-6s %-7s %-4s %s\n", "program", "pid", "user", "setuid",
			"filter", "caps", "what it can reach");
	else
		printf("{\"landlock\":%d,\"on\":%s,\"processes\":[", confine_landlock_version(),
			confinement_is_on() ? "true" : "false");
	for (size_t i = 0; i < processes->count; i++) {
		struct process const *process = &processes->list[i];
		struct confinement const *c = confinement_of(processes, process);

		if (c && form == CHECK_TEXT)
			print_text(process, c);
		else if (c)
			print_json(process, c, printed == 0);
		printed += c != NULL;
	}
	if (form == CHECK_TEXT)
		print_end_text(processes);
	else
		puts("]}");
}

static int
confinement_check(enum check_form form)
{
	struct processes processes;
	size_t bad;

	processes_find(&processes);
	for (int i = 0; i < TRIES && lacking(&processes); i++) {
		nanosleep(&(struct timespec){.tv_nsec = TRY_NANOSECONDS}, NULL);
		free(processes.list);
		processes_find(&processes);
	}
	if (processes.count == 0)
		strerr_warnw("nothing of this instance runs");
	print(&processes, form);
	bad = lacking(&processes);
	free(processes.list);
	return bad || processes.count == 0 ? CHECK_BAD : CHECK_GOOD;
}

int
check_main(int argc, char const *const *argv)
{
	int confinement = argc > 1 && strcmp(argv[1], "--confinement") == 0;
	int json = argc > 1 + confinement && strcmp(argv[1 + confinement], "--json") == 0;
	char const *directory = argv[1 + confinement + json];

	if (argc > 2 + confinement + json || (directory && directory[0] == '-'))
		strerr_dieusage(EXIT_PERMANENT, USAGE);
	instance_enter(instance_directory(directory));
	if (confinement)
		return confinement_check(json ? CHECK_JSON : CHECK_TEXT);
	return checkcontrol(json ? FINDINGS_JSON : FINDINGS_TEXT);
}
