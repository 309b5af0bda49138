#ifndef TERN_FILES_H
#define TERN_FILES_H

#include <sys/types.h>

#include "lib/span.h"

/*
 * Making what is not there yet. Each says why and exits when it fails, and
 * returns 1 when it made the thing, 0 when it was there.
 */
int files_directory(char const *path, mode_t mode);
int files_fifo(char const *path, mode_t mode);
int files_link(char const *target, char const *path);

/*
 * Opens a path below the working directory, close-on-exec, without following a
 * link anywhere in it: who owns a folder on the way can not lead us elsewhere.
 * Returns the descriptor, or -1 with errno.
 */
int files_open_below(char const *path, int flags);

/* Appears whole or not at all. */
int files_write(char const *path, mode_t mode, struct span text);

#endif
