#include "inject/author.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "inject/fail.h"
#include "lib/text.h"
#include "wire/header.h"

/* The first of the variables that is set and not empty. */
static char const *
environment(char const *const *variables)
{
	for (; *variables; variables++) {
		char const *value = getenv(*variables);

		if (value && *value)
			return value;
	}
	return NULL;
}

static char const *const user_variables[] = {"QMAILUSER", "MAILUSER", "USER", "LOGNAME", NULL};
static char const *const host_variables[] = {"QMAILHOST", "MAILHOST", NULL};
static char const *const name_variables[] = {"QMAILNAME", "MAILNAME", "NAME", NULL};

/* The full name in the account: up to a comma, with & for the user's own name. */
static int
account_name(stralloc *name, struct passwd const *account)
{
	for (char const *c = account->pw_gecos; c && *c && *c != ','; c++) {
		size_t start = name->len;

		if (*c != '&') {
			if (!stralloc_catb(name, c, 1))
				return 0;
			continue;
		}
		if (!stralloc_cats(name, account->pw_name))
			return 0;
		if (name->len > start && name->s[start] >= 'a' && name->s[start] <= 'z')
			name->s[start] = (char)(name->s[start] - 'a' + 'A');
	}
	return 1;
}

static void
name_find(struct author *author, struct request const *request, struct passwd const *account)
{
	char const *said = request->full_name ? request->full_name : environment(name_variables);

	if (said ? !stralloc_copys(&author->name, said)
		 : (account && !account_name(&author->name, account)))
		fail_memory();
}

static void
letters_read(struct author *author, int *verp, int *per_message)
{
	char const *letters = getenv("QMAILINJECT");

	for (; letters && *letters; letters++)
		switch (*letters) {
		case 'c': author->as_comment = 1; break;
		case 's': author->ignore_return_path = 1; break;
		case 'f': author->replace_from = 1; break;
		case 'i': author->replace_message_id = 1; break;
		case 'r': *verp = 1; break;
		case 'm': *per_message = 1; break;
		default: break;
		}
}

/* user@host; with the letter m user-TIME.PID@host; with r in the form that send makes VERP of. */
static void
sender_find(struct author *author, char const *user, char const *host, struct names const *names,
	uint64_t now)
{
	char const *sender_user = getenv("QMAILSUSER");
	char const *sender_host = getenv("QMAILSHOST");
	stralloc *s = &author->sender;
	int verp = 0, per_message = 0;
	int good;

	letters_read(author, &verp, &per_message);
	good = stralloc_cats(s, sender_user ? sender_user : user);
	if (per_message)
		good = good && stralloc_catb(s, "-", 1) && text_append_number(s, now / 1000000) &&
		       stralloc_catb(s, ".", 1) && text_append_number(s, (unsigned)getpid());
	good = good &&
	       text_append(s, verp ? "-@" : "@", sender_host ? sender_host : host, (char *)NULL);
	if (!good || !names_complete(names, s) || (verp && !stralloc_cats(s, "-@[]")))
		fail_memory();
}

static int
has_control(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.s[i] < ' ' || s.s[i] == 127)
			return 1;
	return 0;
}

void
author_find(struct author *author, struct request const *request, struct names const *names,
	uint64_t now)
{
	struct passwd const *account = getpwuid(getuid());
	char const *user = environment(user_variables);
	char const *host = environment(host_variables);

	if (!user)
		user = account ? account->pw_name : "anonymous";
	if (!host)
		host = names->default_host.s;
	if (!text_append(&author->address, user, "@", host, (char *)NULL) ||
		!names_complete(names, &author->address))
		fail_memory();
	if (request->sender_writes && request->sender) {
		stralloc said = STRALLOC_ZERO;

		author_sender_said(&said, request->sender, names);
		if (said.len && !stralloc_copy(&author->address, &said))
			fail_memory();
		stralloc_free(&said);
	}
	name_find(author, request, account);
	sender_find(author, user, host, names, now);
	if (has_control(span(author->sender.s, author->sender.len)) ||
		has_control(span(author->address.s, author->address.len)))
		fail(FAIL_USAGE, "the user or host in the environment is not an address",
			(char *)NULL);
}

void
author_free(struct author *author)
{
	stralloc_free(&author->address);
	stralloc_free(&author->name);
	stralloc_free(&author->sender);
}

/* The forms that mean something to send are no addresses by themselves. */
static int
is_verp(struct span s)
{
	struct span const ending = SPAN_LITERAL("-@[]");

	return span_equal(s, SPAN_LITERAL("#@[]")) ||
	       (s.len > ending.len && !has_control(s) &&
		       span_equal(span(s.s + s.len - ending.len, ending.len), ending));
}

void
author_sender_said(stralloc *sender, char const *said, struct names const *names)
{
	struct header_addresses list = {span_string(said), 0};
	struct header_address address = {.plain = sender};
	enum header_result r;

	sender->len = 0;
	if (is_verp(list.body)) {
		if (!stralloc_copys(sender, said))
			fail_memory();
		return;
	}
	r = header_address_next(&list, &address);
	if (r == HEADER_ADDRESS) {
		stralloc more = STRALLOC_ZERO;
		struct header_address other = {.plain = &more};

		r = header_address_next(&list, &other) == HEADER_END ? HEADER_ADDRESS
								     : HEADER_WRONG;
		stralloc_free(&more);
	}
	if (r == HEADER_WRONG)
		fail(FAIL_USAGE, "the sender is not one address: ", said, (char *)NULL);
	if (r == HEADER_NO_MEMORY || !names_complete(names, sender))
		fail_memory();
}
