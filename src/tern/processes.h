#ifndef TERN_PROCESSES_H
#define TERN_PROCESSES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What the kernel says of the processes of an instance, in /proc/PID/status. */
enum { PROCESS_NAME_MAX = 16 };

struct process {
	pid_t pid, parent;
	uid_t uid;
	char name[PROCESS_NAME_MAX];
	int no_new_privileges;
	int filter;            /* whether it has a filter of system calls */
	uint64_t capabilities; /* that it has or could take */
};

struct processes {
	struct process *list;
	size_t count;
};

/*
 * Finds the services of the instance, which is the working directory, and all
 * that they started. Exits when /proc can not be read. The caller frees the list.
 */
void processes_find(struct processes *processes);

/*
 * Kills the programs of tern and s6 that work in the directory, an absolute
 * path, or below it. Asks nothing of its file system. Returns how many there
 * were. Exits when /proc can not be read.
 */
size_t processes_kill_in(char const *directory);

/* The process of that pid, or NULL. */
struct process const *processes_get(struct processes const *processes, pid_t pid);

#endif
