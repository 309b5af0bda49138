#ifndef TERN_LOGFILES_H
#define TERN_LOGFILES_H

#include <stdint.h>

#include "lib/span.h"

/*
 * The logs of one service as s6-log keeps them: log/NAME/@*.s (and .u), then
 * current. Opened while we still may, read later.
 */
enum { LOGFILES_MAX = 200, LOGFILES_LINE_MAX = 8192 };

struct logfiles {
	int fd[LOGFILES_MAX];
	unsigned count;
};

/* Opens them, oldest first; of more than LOGFILES_MAX the newest. Missing ones are no error. */
void logfiles_open(struct logfiles *files, char const *service);

typedef void logfiles_function(void *context, uint64_t seconds, struct span line);

/* Calls f for each line, without its time, which is given in seconds since 1970 (0: unknown). */
void logfiles_each(struct logfiles const *files, logfiles_function *f, void *context);

void logfiles_close(struct logfiles *files);

#endif
