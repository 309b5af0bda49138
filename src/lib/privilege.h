#ifndef LIB_PRIVILEGE_H
#define LIB_PRIVILEGE_H

#include <sys/types.h>

/*
 * Users are found by what they own, so an instance without accounts of its own
 * needs none: an unprivileged process stays who it is.
 */

/*
 * Becomes uid and gid with no other group, for ever. Does nothing when the
 * process is not root. Returns 0, or -1 with errno; the caller must then exit.
 */
int privilege_drop(uid_t uid, gid_t gid);

/* Becomes the owner of path, in path's group, as privilege_drop. */
int privilege_become_owner(char const *path);

/* Whether uid is the owner of path. Returns 1 or 0; 0 too when path is not there. */
int privilege_is_owner(uid_t uid, char const *path);

#endif
