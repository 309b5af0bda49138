#ifndef POLICY_ACCOUNTS_H
#define POLICY_ACCOUNTS_H

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * Whose mail is this? Runs in processes without privileges: the child of
 * tern-lspawn, and tern-verify; the working directory is tern's home. The
 * accounts are asked in turn: the system's, by the whole local part and then by
 * what is before each dash from the right; and the alias user, who gets what is
 * nobody else's.
 *
 * Appends one answer (wire/account.h). Returns 1, or 0 without memory.
 */
int accounts_find(struct span local, stralloc *answer);

#endif
