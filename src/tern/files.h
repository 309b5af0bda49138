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

/* Appears whole or not at all. */
int files_write(char const *path, mode_t mode, struct span text);

#endif
