#ifndef LSPAWN_ACCOUNTS_H
#define LSPAWN_ACCOUNTS_H

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * Whose mail is this? Runs in the child that has no privileges; the working
 * directory is tern's home. The accounts are asked in turn: the system's, by
 * the whole local part and then by what is before each dash from the right;
 * and the alias user, who gets what is nobody else's.
 *
 * Appends one answer (wire/account.h). Returns 1, or 0 without memory.
 */
int accounts_find(struct span local, stralloc *answer);

#endif
