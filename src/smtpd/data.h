#ifndef SMTPD_DATA_H
#define SMTPD_DATA_H

#include "smtpd/session.h"

/* Takes the text of the message and hands it to the queue; ends the transaction in each case. */
void data_answer(struct session *s);

#endif
