#ifndef LIB_PLATFORM_H
#define LIB_PLATFORM_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/*
 * The one module that calls what POSIX.1-2008 does not have. Everything here
 * says what happens where the system lacks it.
 */

/* Whether this process was started setuid or setgid: its environment is its caller's. */
int platform_is_privileged(void);

/* The user, group and process at the other end of a Unix socket. Returns 0, or -1 with errno. */
int platform_peer(int fd, uid_t *uid, gid_t *gid, pid_t *pid);

/*
 * accept whose socket is close-on-exec and blocking. address may be NULL.
 * Returns the socket, or -1 with errno.
 */
int platform_accept(int listener, struct sockaddr_storage *address);

/* Gives up for ever the gaining of privileges by exec. Returns 0, or -1 where it is unknown. */
int platform_no_new_privileges(void);

/* Keeps other processes of this user from tracing us, and us from leaving a core. */
void platform_undumpable(void);

/*
 * Asks for a signal when the parent dies, however it does; does nothing where
 * that is unknown. Call it after the last change of user, which undoes it, and
 * then compare getppid(): the parent may be gone already.
 */
void platform_signal_at_parent_death(int signal);

/* Closes all descriptors from first up. */
void platform_close_from(int first);

/* How many bytes a pipe holds; 4096 where one can not ask. */
size_t platform_pipe_capacity(int fd);

/* How many bytes wait to be read from a pipe or socket; 0 where one can not ask. */
size_t platform_bytes_waiting(int fd);

/* How large the terminal is. Returns 0, or -1 where it is none or does not say. */
int platform_terminal_size(int fd, size_t *rows, size_t *columns);

/* Sets the supplementary groups of a root process to gid alone. Returns 0, or -1 with errno. */
int platform_set_groups(gid_t gid);

/*
 * Opens a file that lives in memory and has no name that leads to it; `name`
 * only describes it. Returns a close-on-exec descriptor, or -1 with errno
 * (ENOTSUP where there is no such thing).
 */
int platform_memory_file(char const *name);

/*
 * Takes flock's exclusive lock on an open file without waiting. Returns 0, or
 * -1 with errno (EWOULDBLOCK: someone has it). Where it is unknown: 0.
 */
int platform_flock(int fd);

/*
 * Moves a name from one open directory to another without ever replacing a
 * file: EEXIST. Where that can not be done in one step, a link and an unlink.
 * Returns 0, or -1 with errno.
 */
int platform_rename_new(int from, char const *old_name, int to, char const *new_name);

/*
 * Makes all that was written to the file system of an open file durable.
 * Returns 0, or -1 with errno: ENOTSUP where one can not ask for that.
 */
int platform_sync_filesystem(int fd);

/* Makes the directory path the root of this process. Returns 0, or -1 with errno. */
int platform_change_root(char const *path);

/* An address of IPv4 or IPv6, as platform_each_own_address gives it. */
typedef void platform_address_function(void *context, struct sockaddr const *address);

/* Calls f for each address of this machine's interfaces. Returns 0, or -1 with errno. */
int platform_each_own_address(platform_address_function *f, void *context);

/*
 * Asks the file system to place the directories made in `path` from now on far
 * from one another. A hint, ignored where it is unknown. ext4 looks, for each
 * file created, through what was deleted around it in the last seconds; a queue
 * whose directories lie together spends more on that than on all else.
 */
void platform_spread_directories(char const *path);

#endif
