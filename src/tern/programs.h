#ifndef TERN_PROGRAMS_H
#define TERN_PROGRAMS_H

#include <stddef.h>

/*
 * The programs that belong to the tern that runs: where they are, and how an
 * instance gets at them.
 */
enum { PROGRAMS_MAX = 64, PROGRAM_NAME_MAX = 64, PROGRAM_PATH_MAX = 4096 };

/* The absolute path of their folder. Exits when it can not be found out. */
void programs_directory(char path[PROGRAM_PATH_MAX], char const *argv0);

/* Opened for reading while we still may: a user might not be able to. */
struct programs {
	size_t count;
	struct program {
		char name[PROGRAM_NAME_MAX];
		char target[PROGRAM_NAME_MAX]; /* of a link to another program, else empty */
		int fd;
	} program[PROGRAMS_MAX];
};

/* Opens all in the directory. Exits when one can not be read. */
void programs_open(struct programs *programs, char const *directory);

/* Copies them to bin/ below the working directory, if there is no bin yet; closes them. */
void programs_copy(struct programs *programs);

#endif
