#ifndef SMTPD_VERBS_H
#define SMTPD_VERBS_H

#include "smtpd/session.h"

/* Answers a command, if it may come now (RFC 5321, 4.1.4). */
void verb_answer(struct session *s, struct smtp_command const *command);

#endif
