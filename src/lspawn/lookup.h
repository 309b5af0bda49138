#ifndef LSPAWN_LOOKUP_H
#define LSPAWN_LOOKUP_H

#include "lib/span.h"
#include "wire/account.h"

/* The account lookup may ask servers far away; all other requests wait for it. */
enum { LOOKUP_SECONDS = 30 };

/* The answer, which `account` and `trouble` look into. */
struct lookup {
	struct account account;
	struct span trouble; /* a sentence */
	char answer[ACCOUNT_ANSWER_MAX + 1];
};

/*
 * Asks a child process that has given up its privileges for the account of a
 * local part, and checks its answer. Returns ACCOUNT_FOUND or ACCOUNT_TROUBLE.
 */
enum account_answer lookup_account(struct lookup *lookup, struct span local);

#endif
