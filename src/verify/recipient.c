#include "verify/recipient.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/exits.h"
#include "lib/text.h"
#include "policy/accounts.h"
#include "policy/dotqmailfile.h"
#include "wire/account.h"

static enum verification
trouble(stralloc *why, char const *what, struct span name, int error)
{
	if (text_append(why, what, (char *)0) && text_append_clean(why, name))
		(void)text_append(why, ": ", strerror(error), (char *)0);
	return VERIFICATION_TROUBLE;
}

/* Whether the errno says that somebody has it so that we can not see it. */
static int
is_hidden(int error)
{
	return error == EACCES || error == EPERM;
}

/* In the home of the account: whether there is a file for the extension. */
static enum verification
file_verify(struct account const *account, stralloc *why)
{
	static stralloc name = STRALLOC_ZERO;
	size_t rest;
	int fd = dotqmailfile_open(&name, "-", account->ext, &rest);

	if (fd != -1) {
		close(fd);
		return VERIFICATION_YES;
	}
	if (errno == ENOENT)
		return VERIFICATION_NO;
	if (is_hidden(errno))
		return VERIFICATION_YES;
	return trouble(why, "Unable to look for a .qmail file in ", account->home, errno);
}

/* Goes to the home and back. */
static enum verification
extension_verify(struct account const *account, stralloc *why)
{
	static int tern = -1;
	char home[ACCOUNT_HOME_MAX + 1];
	enum verification verification;

	if (tern == -1)
		tern = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tern == -1)
		return trouble(why, "Unable to open ", SPAN_LITERAL("tern's home"), errno);
	memcpy(home, account->home.s, account->home.len);
	home[account->home.len] = '\0';
	if (chdir(home) == -1)
		return is_hidden(errno) ? VERIFICATION_YES
					: trouble(why, "Unable to reach ", account->home, errno);
	verification = file_verify(account, why);
	if (fchdir(tern) == -1) {
		fprintf(stderr, "tern-verify: fatal: unable to return to tern's home: %s\n",
			strerror(errno));
		exit(EXIT_TEMPORARY);
	}
	return verification;
}

enum verification
recipient_verify(struct span local, stralloc *why)
{
	static stralloc answer = STRALLOC_ZERO;
	struct account account;
	struct span text;

	answer.len = 0;
	if (!accounts_find(local, &answer))
		return trouble(why, "Unable to look up ", SPAN_LITERAL("an account"), ENOMEM);
	switch (account_parse(&account, &text, answer.s, answer.len)) {
	case ACCOUNT_TROUBLE: (void)text_append_clean(why, text); return VERIFICATION_TROUBLE;
	case ACCOUNT_FOUND:
		return account.dash.len ? extension_verify(&account, why) : VERIFICATION_YES;
	default: return trouble(why, "The account has an odd home or name: ", local, EINVAL);
	}
}
