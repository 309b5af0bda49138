#ifndef QUEUE_ORIGIN_H
#define QUEUE_ORIGIN_H

#include <sys/types.h>

#include "lib/span.h"
#include "queue/received.h"

/*
 * Whom we believe what about the origin of a message. Users are found by what
 * they own. Root is believed anything, the SMTP server (the owner of
 * run/smtpd) that it comes from the network, the bounce writer and send (run/
 * bounce, queue/hist) that it is a bounce. In an instance of one user these
 * are all the same one, who is believed all of it.
 */
struct submitter {
	uid_t uid;
	int may_network, may_bounce;
	enum origin_kind kind; /* what its messages are when it says nothing */
};

/* Looks up what uid owns; the working directory is the home. */
void submitter_identify(struct submitter *submitter, uid_t uid);

/*
 * The origin of a message of this client, who says it with these records (v h
 * a w; all else is ignored). The spans look into the records.
 */
void origin_decide(struct origin *origin, struct submitter const *submitter, struct span records);

#endif
