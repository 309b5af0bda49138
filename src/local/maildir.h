#ifndef LOCAL_MAILDIR_H
#define LOCAL_MAILDIR_H

#include <skalibs/stralloc.h>

#include "local/mail.h"

/*
 * Delivers into the Maildir at path, which ends in a slash. When it returns
 * DELIVERED, the file and its name in new/ are durable. Otherwise nothing is
 * left behind and *text says why.
 */
enum verdict maildir_deliver(struct mail *mail, char const *path, stralloc *text);

#endif
