#ifndef POLICY_DOTQMAILFILE_H
#define POLICY_DOTQMAILFILE_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * Which file says what to do with an address: `.qmail`, the dash, and the
 * extension; or, shortened at each dash from the right, the one for "default".
 * The working directory is the home of the account.
 */
#define DOTQMAILFILE_EXACT SIZE_MAX

/*
 * Opens it. *name becomes its name, ended by a NUL that len counts; *rest the
 * place in ext of what "default" stands for, DOTQMAILFILE_EXACT when it stands
 * for nothing. Returns the descriptor; or -1 with errno, ENOENT when there is no
 * such file.
 */
int dotqmailfile_open(stralloc *name, char const *dash, struct span ext, size_t *rest);

/* Makes the name for exactly this extension, with `more` after it. Returns 1, or 0. */
int dotqmailfile_name(stralloc *name, char const *dash, struct span ext, char const *more);

/* Whether an errno says that there is no file of such a name, or can not be. */
int dotqmailfile_is_absent(int error);

#endif
