#ifndef SMTPD_HOOK_H
#define SMTPD_HOOK_H

#include "smtpd/client.h"

/*
 * A program in place of the queue: QMAILQUEUE of a rule in control/access, or
 * else of our environment. Where there is one it finds in its environment what
 * qmail's programs have: PROTO, TCPREMOTEIP, TCPREMOTEHOST when the name is
 * known, and all variables of the rule.
 */

/*
 * Sets up the environment for messages of this client. Returns 0, or -1
 * without memory: then it must not be served, for the program may be there to
 * refuse it.
 */
int hook_prepare(struct client const *client);

/* Whether one is in force. */
int hook_is_set(void);

/* Tells the program the client's name. */
void hook_name(struct span name);

/*
 * The client is not known yet, and one of the rules has a program: this
 * process must stay able to run one.
 */
int hook_expect(void);

#endif
