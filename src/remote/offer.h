#ifndef REMOTE_OFFER_H
#define REMOTE_OFFER_H

#include "remote/session.h"
#include "wire/job.h"

/*
 * MAIL and RCPT for a message, with what the server's extensions allow to say
 * of it. Append a command with its line end; return 1, or 0 without memory.
 */

/* size is that of the message on the wire; 0: the server does not ask. */
int offer_mail(stralloc *out, struct session const *session, struct job const *job, uint64_t size);

int offer_rcpt(
	stralloc *out, struct session const *session, struct job const *job, size_t recipient);

#endif
