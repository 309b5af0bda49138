#ifndef LOCAL_PROGRAM_H
#define LOCAL_PROGRAM_H

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "local/mail.h"

enum {
	PROGRAM_SECONDS = 3600,    /* how long a program may take */
	PROGRAM_GRACE_SECONDS = 5, /* from SIGTERM to SIGKILL */
	PROGRAM_OUTPUT_MAX = 4000  /* bytes that are kept of what it says */
};

/*
 * Runs the command by /bin/sh with the message on its descriptor 0, and
 * appends what it says to *text. Its exit code decides: 0 and 99 DELIVERED
 * (*stop is set by 99: the rest of the file is not followed); 100 and those
 * sysexits that mean the same FAILED; 111, 71, 74, 75 DEFERRED. Everything
 * else is a broken program, which is never the message's fault: TROUBLE.
 */
enum verdict program_run(struct mail *mail, struct span command, int *stop, stralloc *text);

#endif
