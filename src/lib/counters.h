#ifndef LIB_COUNTERS_H
#define LIB_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Numbers that the processes of a service share: a small file that is mapped
 * by the parent and inherited by its workers, each of which adds to it without
 * a system call. They survive the end of the service. Whoever can write the
 * file can make them lie, and do nothing else.
 */

/*
 * Maps count numbers in the file, which is made, and made anew when it is
 * another kind of file than it should be. Once in a process. Returns 0; or -1 with
 * errno, and counters_add does nothing then.
 */
int counters_open(char const *path, size_t count);

/* Adds 1 to a number, if they are mapped. */
void counters_add(size_t which);

/*
 * Reads the numbers from an open file. Returns 0, or -1 when there are not
 * exactly count of them.
 */
int counters_read(int fd, uint64_t *values, size_t count);

#endif
