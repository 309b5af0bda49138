#include <stdint.h>

#include "policy/accounts.h"
#include "policy/dotqmailfile.h"
#include "tests/fuzz/home.h"
#include "wire/account.h"

/* No extension leads to a file that is not called .qmail. */
static void
name_check(struct span ext)
{
	stralloc name = STRALLOC_ZERO;
	size_t rest;
	int fd;

	if (!dotqmailfile_name(&name, "-", ext, "") || name.len < sizeof ".qmail-" ||
		memcmp(name.s, ".qmail-", 7) != 0 || memchr(name.s + 1, '.', name.len - 1))
		abort();
	fd = dotqmailfile_open(&name, "-", ext, &rest);
	if (fd == -1 || (rest != DOTQMAILFILE_EXACT && rest > ext.len))
		abort();
	close(fd);
	stralloc_free(&name);
}

/* The input is a local part: whose it is, and which file says what to do. */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct span local = span((char const *)data, size), trouble;
	stralloc answer = STRALLOC_ZERO;
	struct account account;

	if (size > 1000 || (size && memchr(data, '\0', size)))
		return 0;
	home_enter();
	if (chown("alias", 65534, 65534) == -1 && getuid() == 0)
		abort();
	home_write(".qmail-default", SPAN_LITERAL("./box/\n"));
	name_check(local);
	if (!accounts_find(local, &answer))
		abort();
	switch (account_parse(&account, &trouble, answer.s, answer.len)) {
	case ACCOUNT_FOUND:
		if (account.uid == 0 || account.gid == 0 || account.home.s[0] != '/' ||
			account.ext.len > size)
			abort();
		break;
	case ACCOUNT_TROUBLE: break;
	default: abort();
	}
	stralloc_free(&answer);
	home_leave();
	return 0;
}
