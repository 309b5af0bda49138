#include "local/instructions.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/durable.h"
#include "lib/text.h"
#include "policy/dotqmailfile.h"

static enum verdict
unsafe(stralloc *text, char const *name, char const *what)
{
	return mail_verdict(
		text, VERDICT_TROUBLE, "Uh-oh: ", name, " ", what, ". (#4.7.0)", (char *)0);
}

/* Reads at most one byte more than is allowed, whatever the file says of its size. */
static enum verdict
read_whole(struct instructions *in, int fd, stralloc *text)
{
	struct stat st;
	ssize_t got;

	if (fstat(fd, &st) == -1)
		return mail_verdict_errno(text, "look at", in->file.s);
	if (!S_ISREG(st.st_mode))
		return unsafe(text, in->file.s, "is not a regular file");
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return unsafe(text, in->file.s, "is writable by others");
	if (st.st_size > DOTQMAIL_FILE_MAX)
		return unsafe(text, in->file.s, "is larger than 256 KiB");
	in->forwards_only = (st.st_mode & S_IXUSR) != 0;
	if (!stralloc_ready(&in->text, (size_t)st.st_size + 1))
		return mail_verdict_errno(text, "read", in->file.s);
	got = durable_read_at(fd, in->text.s, (size_t)st.st_size, 0);
	if (got == -1)
		return mail_verdict_errno(text, "read", in->file.s);
	in->text.len = (size_t)got;
	return VERDICT_DELIVERED;
}

static enum verdict
find(struct instructions *in, struct mail *mail, stralloc *text)
{
	enum verdict verdict = VERDICT_DELIVERED;
	size_t rest;
	int fd = dotqmailfile_open(&in->file, mail->to->dash, span_string(mail->to->ext), &rest);

	if (fd != -1 && rest != DOTQMAILFILE_EXACT)
		mail->rest = mail->to->ext + rest;
	if (fd == -1 && errno != ENOENT)
		return mail_verdict_errno(text, "open", in->file.len ? in->file.s : NULL);
	if (fd == -1 && *mail->to->dash)
		return mail_verdict(text, VERDICT_FAILED,
			"Sorry, no mailbox here by that name. (#5.1.1)", (char *)0);
	if (fd != -1) {
		verdict = read_whole(in, fd, text);
		close(fd);
	}
	if (verdict == VERDICT_DELIVERED && in->text.len == 0) {
		in->forwards_only = 0;
		in->file.len = 0;
		if (!stralloc_cats(&in->text, mail->to->default_delivery) ||
			!stralloc_cats(&in->file, "control/defaultdelivery") ||
			!stralloc_0(&in->file))
			return mail_verdict_errno(text, "follow the default", NULL);
	}
	return verdict;
}

static enum verdict
complain(struct instructions const *in, struct dotqmail const *at, struct span what, stralloc *text)
{
	char const *file = in->file.s;

	mail_verdict(text, VERDICT_TROUBLE, "Uh-oh: ", file, ":", (char *)0);
	text_append_number(text, at->line);
	mail_verdict(text, VERDICT_TROUBLE, ": ", (char *)0);
	text_append_clean(text, what);
	return mail_verdict(text, VERDICT_TROUBLE, ". (#4.7.0)", (char *)0);
}

/* Everything is checked before anything is done, so that nothing is done twice. */
static enum verdict
check(struct instructions *in, stralloc *text)
{
	struct dotqmail at = {span(in->text.s, in->text.len), 0};
	struct dotqmail_line line;
	int forwards_only = in->forwards_only;
	unsigned forwards = 0;

	while (dotqmail_next(&at, &line)) {
		switch (line.kind) {
		case DOTQMAIL_BLANK_FIRST:
			return complain(in, &at, SPAN_LITERAL("the first line is blank"), text);
		case DOTQMAIL_WRONG: return complain(in, &at, line.text, text);
		case DOTQMAIL_FORWARDS_ONLY: forwards_only = 1; break;
		case DOTQMAIL_FORWARD:
			if (++forwards > DOTQMAIL_FORWARDS_MAX)
				return complain(in, &at,
					SPAN_LITERAL("there are too many addresses"), text);
			in->forwards_or_programs = 1;
			break;
		case DOTQMAIL_PROGRAM:
			in->forwards_or_programs = 1;
			/* fall through */
		case DOTQMAIL_MBOX:
		case DOTQMAIL_MAILDIR:
			if (forwards_only)
				return complain(in, &at,
					SPAN_LITERAL("only forwards may stand here: the file is "
						     "executable, or +list is above"),
					text);
			break;
		case DOTQMAIL_COMMENT: break;
		}
	}
	return VERDICT_DELIVERED;
}

enum verdict
instructions_load(struct instructions *in, struct mail *mail, stralloc *text)
{
	enum verdict verdict;

	in->text.len = in->file.len = 0;
	in->forwards_only = in->forwards_or_programs = 0;
	verdict = find(in, mail, text);
	return verdict == VERDICT_DELIVERED ? check(in, text) : verdict;
}

/* Returns 1, 0, or -1 with errno. */
static int
exists(struct mail *mail, char const *more)
{
	static stralloc name;
	struct stat st;

	if (!dotqmailfile_name(&name, mail->to->dash, span_string(mail->to->ext), more)) {
		errno = ENOMEM;
		return -1;
	}
	if (stat(name.s, &st) == 0)
		return 1;
	return dotqmailfile_is_absent(errno) ? 0 : -1;
}

enum verdict
instructions_owner(struct mail *mail, stralloc *text)
{
	struct recipient const *to = mail->to;
	stralloc *sender = &mail->new_sender;
	int owner, each = 0;

	/* bounces, and bounces of bounces, stay what they are */
	if (sender->len == 0 || strcmp(sender->s, "#@[]") == 0)
		return VERDICT_DELIVERED;
	owner = exists(mail, "-owner");
	if (owner == 1)
		each = exists(mail, "-owner-default");
	if (owner == -1 || each == -1)
		return mail_verdict_errno(text, "look for the owner of", to->local);
	if (owner == 0)
		return VERDICT_DELIVERED;
	sender->len = 0;
	if (!text_append(sender, to->local, each ? "-owner-@" : "-owner@", to->domain,
		    each ? "-@[]" : "", (char *)0) ||
		!stralloc_0(sender))
		return mail_verdict_errno(text, "name the owner of", to->local);
	sender->len--;
	return VERDICT_DELIVERED;
}
