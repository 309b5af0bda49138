#include "tern/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/durable.h"
#include "lib/exits.h"
#include "tern/supervise.h"

enum { STATUS_SIZE = 8192, PATH_SIZE = 4096 };

/* The number after "\nNAME:\t"; 0 when there is none. */
static uint64_t
field(char const *status, char const *name, int base)
{
	char label[32];
	char const *at;

	snprintf(label, sizeof label, "\n%s:\t", name);
	at = strstr(status, label);
	return at ? strtoull(at + strlen(label), NULL, base) : 0;
}

/* Returns 1, or 0 when it is gone. */
static int
process_read(struct process *process, char const *pid)
{
	char path[64], status[STATUS_SIZE];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%.20s/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return 0;
	n = durable_read_at(fd, status, sizeof status - 1, 0);
	close(fd);
	if (n <= 0)
		return 0;
	status[n] = '\0';
	memset(process, 0, sizeof *process);
	process->pid = (pid_t)strtol(pid, NULL, 10);
	process->parent = (pid_t)field(status, "PPid", 10);
	process->uid = (uid_t)field(status, "Uid", 10);
	process->no_new_privileges = field(status, "NoNewPrivs", 10) == 1;
	process->filter = field(status, "Seccomp", 10) == 2;
	process->capabilities = field(status, "CapPrm", 16) | field(status, "CapInh", 16);
	return sscanf(status, "Name: %15s", process->name) == 1;
}

static void
process_add(struct processes *processes, struct process const *process)
{
	struct process *larger;

	larger = realloc(processes->list, (processes->count + 1) * sizeof *larger);
	if (!larger)
		strerr_diefusys(EXIT_TEMPORARY, "get memory");
	processes->list = larger;
	processes->list[processes->count++] = *process;
}

static void
processes_all(struct processes *processes)
{
	DIR *dir = opendir("/proc");
	struct dirent const *entry;
	struct process process;

	if (!dir)
		strerr_diefusys(EXIT_TEMPORARY, "read /proc");
	while ((entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
			process_read(&process, entry->d_name))
			process_add(processes, &process);
	closedir(dir);
}

struct process const *
processes_get(struct processes const *processes, pid_t pid)
{
	for (size_t i = 0; i < processes->count; i++)
		if (processes->list[i].pid == pid)
			return &processes->list[i];
	return NULL;
}

static int
works_in(struct process const *process, char const *directory)
{
	char link[64], path[PATH_SIZE];
	size_t len = strlen(directory);
	ssize_t n;

	snprintf(link, sizeof link, "/proc/%ld/cwd", (long)process->pid);
	n = readlink(link, path, sizeof path - 1);
	if (n < (ssize_t)len)
		return 0;
	path[n] = '\0';
	return memcmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Not of whoever looks around there. */
static int
is_program(struct process const *process)
{
	return strncmp(process->name, "s6-", 3) == 0 || strncmp(process->name, "tern-", 5) == 0;
}

size_t
processes_kill_in(char const *directory)
{
	struct processes all = {NULL, 0};
	size_t killed = 0;

	processes_all(&all);
	for (size_t i = 0; i < all.count; i++)
		if (is_program(&all.list[i]) && works_in(&all.list[i], directory))
			killed += kill(all.list[i].pid, SIGKILL) == 0;
	free(all.list);
	return killed;
}

static void
services_add(struct processes *found, struct processes const *all)
{
	static struct services services;

	services_list(&services);
	for (size_t i = 0; i < services.count; i++) {
		char path[SERVICE_PATH_MAX];
		struct service_state state;
		struct process const *process;

		snprintf(path, sizeof path, "service/%s", services.name[i]);
		service_state_read(&state, path);
		process = state.pid ? processes_get(all, state.pid) : NULL;
		if (process)
			process_add(found, process);
	}
}

void
processes_find(struct processes *processes)
{
	struct processes all = {NULL, 0};

	*processes = all;
	processes_all(&all);
	services_add(processes, &all);
	for (size_t i = 0; i < processes->count; i++)
		for (size_t j = 0; j < all.count; j++)
			if (all.list[j].parent == processes->list[i].pid)
				process_add(processes, &all.list[j]);
	free(all.list);
}
