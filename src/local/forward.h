#ifndef LOCAL_FORWARD_H
#define LOCAL_FORWARD_H

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "local/mail.h"

/*
 * Puts one new message into the queue for all addresses (each ended by a NUL),
 * from mail->new_sender, with our Delivered-To line. DELIVERED means that it is
 * on disk; *text then gets "qp PID" of the queue process. A refusal for good by
 * the queue is FAILED. When the way back to the recipient's home is lost, the
 * program ends.
 */
enum verdict forward_send(struct mail *mail, struct span addresses, stralloc *text);

/*
 * Whether what is forwarded comes from the owner of a list, not from the sender:
 * then delivery to the list was final, and its copies are no concern of the
 * sender's (RFC 3461, 5.2.7.1).
 */
int forward_is_list(struct mail const *mail);

/*
 * The conversation with the queue stays open for the next message. It is to be
 * ended before a wait, so that the queue has its hands free.
 */
int forward_is_connected(void);
void forward_idle(void);

#endif
