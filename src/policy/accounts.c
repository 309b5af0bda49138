#include "policy/accounts.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/text.h"
#include "wire/account.h"
#include "wire/dotqmail.h"
#include "wire/envelope.h"

enum found { FOUND_NOT, FOUND_ANSWER, FOUND_NO_MEMORY };

/* The error is 0 where errno says nothing. */
static enum found
trouble(stralloc *answer, char const *what, char const *name, int error)
{
	stralloc text = STRALLOC_ZERO;
	int done = text_append(&text, what, name, error ? ": " : "", error ? strerror(error) : "",
			   ". (#4.3.0)", (char *)0) &&
		   account_trouble_format(answer, span(text.s, text.len));

	stralloc_free(&text);
	return done ? FOUND_ANSWER : FOUND_NO_MEMORY;
}

/*
 * The name of a user that the local part could mean: lower case, short, and
 * nothing in it that a name can not hold. Returns 1, or 0.
 */
static int
user_name(char name[ACCOUNT_USER_LIMIT], struct span part)
{
	if (part.len == 0 || part.len >= ACCOUNT_USER_LIMIT || part.s[0] == '-')
		return 0;
	for (size_t i = 0; i < part.len; i++) {
		char c = part.s[i];

		if (c <= ' ' || c > '~' || c == '/' || c == ':')
			return 0;
		name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	name[part.len] = '\0';
	return 1;
}

/* What getpwnam leaves in errno where there simply is no such user. */
static int
means_no_user(int error)
{
	return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

/* Whether the alias user has instructions of just this name. */
static int
alias_names(char const *user)
{
	stralloc path = STRALLOC_ZERO;
	struct stat st;
	int is = text_append(&path, "alias/.qmail-", (char *)0) &&
		 dotqmail_append_name(&path, span_string(user)) && stralloc_0(&path) &&
		 stat(path.s, &st) == 0;

	stralloc_free(&path);
	return is;
}

/*
 * A user gets mail who owns the home that the system names. A home that is not
 * there may be back later (a disk not mounted), so that mail waits; unless it
 * never was meant to be there, or the administrator has said who reads it.
 */
static enum found
try_user(struct span local, size_t length, stralloc *answer)
{
	char name[ACCOUNT_USER_LIMIT];
	struct account account;
	struct passwd *user;
	struct stat st;

	if (!user_name(name, span(local.s, length)))
		return FOUND_NOT;
	errno = 0;
	user = getpwnam(name);
	if (!user && !means_no_user(errno))
		return trouble(answer, "Unable to look up user ", name, errno);
	if (!user || user->pw_uid == 0 || strcmp(user->pw_dir, "/nonexistent") == 0)
		return FOUND_NOT;
	if (stat(user->pw_dir, &st) == -1)
		return alias_names(name)
			       ? FOUND_NOT
			       : trouble(answer, "Unable to reach the home of user ", name, errno);
	if (st.st_uid != user->pw_uid)
		return FOUND_NOT;
	if (user->pw_gid == 0)
		return trouble(answer, "Root's group is the group of user ", name, 0);
	account.user = span_string(name);
	account.uid = user->pw_uid;
	account.gid = user->pw_gid;
	account.home = span_string(user->pw_dir);
	account.dash = length < local.len ? SPAN_LITERAL("-") : span("", 0);
	account.ext = length < local.len ? span(local.s + length + 1, local.len - length - 1)
					 : span("", 0);
	return account_format(answer, &account) ? FOUND_ANSWER : FOUND_NO_MEMORY;
}

static enum found
try_system(struct span local, stralloc *answer)
{
	enum found found = try_user(local, local.len, answer);

	for (size_t i = local.len; found == FOUND_NOT && i > 0; i--)
		if (local.s[i - 1] == '-')
			found = try_user(local, i - 1, answer);
	return found;
}

static enum found
take_alias(struct span local, stralloc *answer)
{
	char home[ACCOUNT_HOME_MAX + 1];
	struct account account = {SPAN_LITERAL("alias"), 0, 0, {home, 0}, SPAN_LITERAL("-"), local};
	struct stat st;
	size_t len;

	if (stat("alias", &st) == -1)
		return trouble(answer, "Unable to look at ", "alias", errno);
	if (st.st_uid == 0 || st.st_gid == 0)
		return trouble(answer,
			"alias belongs to root or root's group: ", "nobody can get this mail", 0);
	if (!getcwd(home, sizeof home - sizeof "/alias"))
		return trouble(answer, "Unable to name ", "tern's home", errno);
	len = strlen(home);
	memcpy(home + len, "/alias", sizeof "/alias");
	account.home.len = len + sizeof "/alias" - 1;
	account.uid = st.st_uid;
	account.gid = st.st_gid;
	return account_format(answer, &account) ? FOUND_ANSWER : FOUND_NO_MEMORY;
}

int
accounts_find(struct span local, stralloc *answer)
{
	enum found found = try_system(local, answer);

	if (found == FOUND_NOT)
		found = take_alias(local, answer);
	return found == FOUND_ANSWER;
}
