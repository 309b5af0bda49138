#ifndef SMTPD_ENVELOPE_H
#define SMTPD_ENVELOPE_H

#include "smtpd/session.h"

/* The commands that say from whom and to whom: MAIL and RCPT with their parameters. */
void envelope_sender(struct session *s, struct span argument);
void envelope_recipient(struct session *s, struct span argument);

#endif
