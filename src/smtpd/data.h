#ifndef SMTPD_DATA_H
#define SMTPD_DATA_H

#include "smtpd/session.h"

/* The commands that bring the text of a message. */

/* DATA: takes the text and hands it to the queue; ends the transaction in each case. */
void data_answer(struct session *s);

/*
 * BDAT (RFC 3030): takes one chunk. Whatever is wrong, the bytes that the
 * command announces are never read as commands.
 */
void chunk_answer(struct session *s, struct span argument);

#endif
