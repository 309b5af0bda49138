#ifndef SMTPD_DELAY_H
#define SMTPD_DELAY_H

#include "smtpd/session.h"

/* Time that a client has to give before it gets an answer; both are off by default. */

/*
 * Before the greeting: whoever talks already does not speak SMTP (RFC 5321,
 * 4.3.1), as mail software does. Returns 0 when it kept silent; -1 when not: the
 * session has ended with a reply.
 */
int delay_greeting(struct session *s);

/* Before a refusal, for a client that has been refused often. */
void delay_refusal(struct session *s);

#endif
