#ifndef SMTPD_POLICY_H
#define SMTPD_POLICY_H

#include "smtpd/session.h"

/*
 * Whose mail we take, for whom. Each returns NULL, or the reply that refuses;
 * s->reason then has the word for the log where it is not the usual one.
 */
char const *policy_helo(struct session *s, struct span name);

char const *policy_sender(struct session *s, struct smtp_path const *path);

/* Also makes of the path what goes into the envelope. */
char const *policy_recipient(struct session *s, struct smtp_path *path);

#endif
