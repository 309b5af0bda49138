#ifndef TERN_INSTANCE_H
#define TERN_INSTANCE_H

#include <sys/types.h>

/*
 * The instance a command is about: its folder is the working directory after
 * instance_enter, so that no path is longer than a socket's may be.
 */

/* DIR as given, else $TERNHOME, else the built-in home. */
char const *instance_directory(char const *argument);

/*
 * Enters it; $TERNHOME is its absolute path from then on. A root process
 * becomes its owner when that is not root, so that an instance of one user
 * stays one. Says why and exits when it can not be entered or is no instance.
 */
void instance_enter(char const *directory);

/* The same, but root stays root: for who has to change owners. */
void instance_enter_as_caller(char const *directory);

/*
 * Becomes uid and gid; says why and exits when that fails. Does nothing when
 * not root.
 */
void instance_become(uid_t uid, gid_t gid);

/* Whether directory is the built-in home, however it is written. */
int instance_is_built_in(char const *directory);

#endif
