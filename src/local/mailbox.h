#ifndef LOCAL_MAILBOX_H
#define LOCAL_MAILBOX_H

#include <skalibs/stralloc.h>

#include "local/mail.h"

/*
 * Appends to the mbox file at path, creating it where need be, under fcntl's
 * and flock's lock. When it returns DELIVERED, the text is durable. Otherwise
 * the file is as long as before and *text says why.
 */
enum verdict mailbox_deliver(struct mail *mail, char const *path, stralloc *text);

#endif
