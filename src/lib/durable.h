#ifndef LIB_DURABLE_H
#define LIB_DURABLE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Writing that is checked. After an error of one of these nothing is known of
 * what reached the disk; the caller treats the file as not written and never
 * tries the same fsync again.
 */

/* Writes all of the len bytes at s. Returns 0, or -1 with errno. */
int durable_write(int fd, void const *s, size_t len);

/* Reads len bytes from offset, fewer only at the end of the file. Returns the count, or -1. */
ssize_t durable_read_at(int fd, void *s, size_t len, size_t offset);

/* fsync of the directory at path, which makes the names in it durable. Returns 0, or -1. */
int durable_directory(char const *path);

/*
 * Replaces the file at path by len bytes at s, durably, so that a reader sees
 * the old or the new content, whole: writes path.tmp, fsync, rename, fsync of
 * the directory. Returns 0, or -1 with errno and the old file untouched.
 */
int durable_replace(char const *path, unsigned mode, void const *s, size_t len);

#endif
