#ifndef REMOTE_TRANSACTION_H
#define REMOTE_TRANSACTION_H

#include "remote/outcome.h"
#include "remote/session.h"
#include "remote/source.h"
#include "wire/job.h"

enum transaction_end {
	TRANSACTION_DONE,  /* the outcome stands */
	TRANSACTION_AGAIN, /* some recipients have their answer, the rest needs another session */
	TRANSACTION_NEXT   /* another host may do better; if none is left the outcome stands */
};

/*
 * Offers the message to the server of a greeted session, to all recipients
 * that have no settled answer yet: in one transaction, or in several where the
 * server takes only so many recipients in one. Fills the answers. The session
 * is still open afterwards unless that would not be safe.
 */
enum transaction_end transaction_run(struct session *session, struct job const *job,
	struct source *source, struct outcome *outcome);

/*
 * Gives the recipients that SMTP can not carry their answer. Returns how many
 * are left; none either when it is the sender that can not be carried.
 */
size_t transaction_prepare(struct job const *job, struct outcome *outcome);

#endif
