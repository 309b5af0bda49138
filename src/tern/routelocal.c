#include "tern/routelocal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "policy/accounts.h"
#include "policy/dotqmailfile.h"
#include "tern/facts.h"
#include "wire/account.h"

static char const hidden[] =
	"delivered on this machine; tern-lspawn sees what this user may not: whether the file is there";

static int
not_there(struct account const *account)
{
	if (account->dash.len) {
		facts_text(
			"result", SPAN_LITERAL("would bounce: there is no such address (#5.1.1)"));
		return EXIT_PERMANENT;
	}
	facts_text("file", SPAN_LITERAL("none: control/defaultdelivery says where to"));
	facts_text("result", SPAN_LITERAL("delivered on this machine"));
	return EXIT_OK;
}

/* In the home of the account. */
static int
file_tell(struct account const *account)
{
	stralloc name = STRALLOC_ZERO;
	size_t rest;
	int fd = dotqmailfile_open(&name, account->dash.len ? "-" : "", account->ext, &rest);
	int code = EXIT_OK;

	if (fd != -1) {
		close(fd);
		facts_text("file", span(name.s, name.len ? name.len - 1 : 0));
		facts_text("result", SPAN_LITERAL("delivered on this machine"));
	} else if (errno == ENOENT) {
		code = not_there(account);
	} else {
		facts_text("result", span_string(hidden));
	}
	stralloc_free(&name);
	return code;
}

static int
account_tell(struct account const *account)
{
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char home[ACCOUNT_HOME_MAX + 1];
	int code = EXIT_OK;

	facts_text("account", account->user);
	facts_text("home", account->home);
	memcpy(home, account->home.s, account->home.len);
	home[account->home.len] = '\0';
	if (here == -1)
		strerr_diefusys(EXIT_TEMPORARY, "open the instance");
	if (chdir(home) == -1)
		facts_text("result", span_string(hidden));
	else
		code = file_tell(account);
	if (fchdir(here) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "go back to the instance");
	close(here);
	return code;
}

int
routelocal(struct span address)
{
	stralloc answer = STRALLOC_ZERO;
	struct span local = span(address.s, span_find_last(address, '@')), trouble;
	struct account account;
	int code = EXIT_TEMPORARY;

	facts_text("local address", address);
	if (!accounts_find(local, &answer))
		strerr_diefusys(EXIT_TEMPORARY, "get memory");
	switch (account_parse(&account, &trouble, answer.s, answer.len)) {
	case ACCOUNT_FOUND: code = account_tell(&account); break;
	case ACCOUNT_TROUBLE:
		facts_text("trouble", trouble);
		facts_text("result", SPAN_LITERAL("would wait"));
		break;
	default:
		facts_text(
			"result", SPAN_LITERAL("would wait: the account has an odd home or name"));
	}
	stralloc_free(&answer);
	return code;
}
