#ifndef POLICY_TIMEOUTS_H
#define POLICY_TIMEOUTS_H

#include <stdint.h>

#include <skalibs/stralloc.h>

/*
 * control/timeoutphases: how long tern-remote waits for what in a session, a
 * line "phase:duration" each. What no line names has the default of RFC 5321,
 * 4.5.3.2.
 */
enum timeout {
	TIMEOUT_GREETING,
	TIMEOUT_HELLO, /* EHLO, HELO, LHLO */
	TIMEOUT_MAIL,  /* and RSET */
	TIMEOUT_RCPT,
	TIMEOUT_DATA,
	TIMEOUT_BLOCK, /* each piece of the text, on its way or to be answered */
	TIMEOUT_END,   /* after the text */
	TIMEOUTS
};

enum { TIMEOUT_SETTING_MAX = 86400 };

struct timeouts {
	uint64_t seconds[TIMEOUTS];
};

/* Returns 0, or -1 with *why when the file can not be read or a line is wrong. */
int timeouts_load(struct timeouts *timeouts, stralloc *why);

#endif
