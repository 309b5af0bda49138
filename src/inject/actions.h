#ifndef INJECT_ACTIONS_H
#define INJECT_ACTIONS_H

#include "inject/names.h"
#include "inject/request.h"

/*
 * What the sendmail command does besides sending. The working directory is the
 * home. Those that run another program become it.
 */

/* The listing of the queue, with the options given to mailq. */
_Noreturn void action_list_queue(char *const *arguments);

/* An SMTP session on descriptors 0 and 1, from a client that may relay. */
_Noreturn void action_smtp(void);

/* Asks the running system to try all messages now, if the caller may. */
_Noreturn void action_run_queue(int verbose);

/* newaliases. */
_Noreturn void action_aliases(void);

/* Says for each address where a message to it would go. */
_Noreturn void action_verify(char *const *addresses, struct names const *names);

#endif
