#ifndef REMOTE_COMMAND_H
#define REMOTE_COMMAND_H

#include "remote/remote.h"

/*
 * Delivers the message on descriptor 0 once and reports on descriptor 1, as
 * qmail-remote does. argv: destination, sender, recipients. Returns the exit
 * code.
 */
int command_run(struct remote *remote, char **argv);

/*
 * The same as far as RCPT, with no message, and with the conversation on
 * descriptor 2. The recipients that were taken are reported as delivered.
 */
int command_try(struct remote *remote, char **argv);

#endif
