#ifndef WIRE_ACCOUNT_H
#define WIRE_ACCOUNT_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * What the lookup child of tern-lspawn answers about a local part. lspawn may
 * be root, the child is nobody: lspawn takes nothing but this form, and never
 * an account with uid 0 or gid 0.
 *
 *   A user uid gid home dash ext    each ended by a NUL: deliver as this account
 *   T text                          ended by a NUL: it can not be said now
 */
enum {
	ACCOUNT_USER_LIMIT = 32, /* a name of this or more is not a user's */
	ACCOUNT_HOME_MAX = 1023,
	ACCOUNT_TEXT_MAX = 500,
	ACCOUNT_ANSWER_MAX = 4096
};

struct account {
	struct span user;
	uint32_t uid, gid;
	struct span home; /* an absolute path */
	struct span dash; /* what stands between the user and ext in the address: "" or "-" */
	struct span ext;
};

enum account_answer { ACCOUNT_FOUND, ACCOUNT_TROUBLE };

/* Append one answer. Return 1, or 0 without memory. The text is cleaned and cut. */
int account_format(stralloc *sa, struct account const *account);
int account_trouble_format(stralloc *sa, struct span text);

/*
 * Reads a whole answer; the spans look into s. ACCOUNT_TROUBLE sets *trouble,
 * ACCOUNT_FOUND *account. Returns the kind, or -1 when it is neither, or names
 * an account that must not be used.
 */
int account_parse(struct account *account, struct span *trouble, char const *s, size_t len);

#endif
