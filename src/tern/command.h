#ifndef TERN_COMMAND_H
#define TERN_COMMAND_H

#include <sys/types.h>

#include <skalibs/stralloc.h>

/*
 * Running another program, found by PATH. An exit code of 127 means that it
 * could not be run, and why has been said.
 */

/* Runs it and waits. Returns its exit code, or 128 when a signal ended it. */
int command_run(char const *const *argv);

/* The same, its standard output appended to *output, its messages thrown away. */
int command_read(char const *const *argv, stralloc *output);

/* Appends what comes from fd until its end; says why and exits without memory. */
void command_read_all(int fd, stralloc *output);

/* In a child made for it: becomes the program; says why not and exits 127. */
void command_exec(char const *const *argv);

#endif
