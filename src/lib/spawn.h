#ifndef LIB_SPAWN_H
#define LIB_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

/*
 * fork for a program that is to be run. In the child fds[i] has become
 * descriptor i for each i below count (-1 leaves i closed), these are not
 * close-on-exec, and signals are as at the start of a program. All of our
 * descriptors are close-on-exec, so no other one survives the exec that the
 * child does next. Returns 0 in the child, its pid in the parent, or -1 with
 * errno.
 */
pid_t spawn_fork(int const *fds, size_t count);

/* Waits for pid. Returns its status as waitpid gives it, or -1 with errno. */
int spawn_wait(pid_t pid);

/*
 * The exit code a wait status stands for: the code itself, or -1 when the
 * program was ended by a signal.
 */
int spawn_exit_code(int status);

#endif
