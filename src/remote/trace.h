#ifndef REMOTE_TRACE_H
#define REMOTE_TRACE_H

#include <stdint.h>

#include "lib/span.h"

/*
 * The log of control/logdetail: each connection attempt, command, reply and
 * DNS question, one line each, with the message they are for.
 */

/* Turns it on or off, and says which message is on its way (0: none). */
void trace_enable(int on);
void trace_message(uint64_t message);

/* Whether it is on, for those who would have to make a line first. */
int trace_is_on(void);

/* Logs each line of text as "msg ID: ADDRESS MARK LINE"; nothing when it is off. */
void trace_lines(char const *address, char const *mark, struct span text);

#endif
