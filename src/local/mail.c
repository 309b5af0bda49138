#include "local/mail.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "lib/text.h"

static int
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c & 0x80) || (c && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

static int
needs_quotes(struct span local)
{
	if (local.len == 0 || local.s[0] == '.' || local.s[local.len - 1] == '.')
		return 1;
	for (size_t i = 0; i < local.len; i++)
		if (!is_plain(local.s[i]) ||
			(local.s[i] == '.' && i + 1 < local.len && local.s[i + 1] == '.'))
			return 1;
	return 0;
}

/* Appends an address as RFC 5322, 3.4.1 writes it: the local part in quotes where it needs them. */
static int
append_address(stralloc *sa, struct span address)
{
	size_t at = span_find_last(address, '@');
	struct span local = span(address.s, at);

	if (address.len == 0)
		return 1;
	if (!needs_quotes(local))
		return stralloc_catb(sa, address.s, address.len);
	if (!stralloc_catb(sa, "\"", 1))
		return 0;
	for (size_t i = 0; i < local.len; i++) {
		if ((local.s[i] == '"' || local.s[i] == '\\') && !stralloc_catb(sa, "\\", 1))
			return 0;
		if (!stralloc_catb(sa, local.s + i, 1))
			return 0;
	}
	return stralloc_catb(sa, "\"", 1) && stralloc_catb(sa, address.s + at, address.len - at);
}

static void
replace(stralloc *sa, size_t from, char const *these, char by)
{
	for (size_t i = from; i < sa->len; i++)
		if (sa->s[i] && strchr(these, sa->s[i]))
			sa->s[i] = by;
}

static int
end_line(stralloc *sa)
{
	replace(sa, 0, "\n", '_');
	if (!stralloc_catb(sa, "\n", 1) || !stralloc_0(sa))
		return 0;
	sa->len--;
	return 1;
}

static int
make_from_line(struct mail *mail)
{
	char date[40] = "";
	time_t now = time(NULL);
	struct tm t;

	if (gmtime_r(&now, &t))
		strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", &t);
	mail->from_line.len = 0;
	if (!text_append(&mail->from_line, "From ",
		    mail->sender.len ? mail->sender.s : "MAILER-DAEMON", (char *)0))
		return 0;
	replace(&mail->from_line, 5, " \t\n", '-');
	return text_append(&mail->from_line, " ", date, (char *)0) && end_line(&mail->from_line);
}

static int
copy_string(stralloc *sa, struct span s)
{
	if (!stralloc_copyb(sa, s.s, s.len) || !stralloc_0(sa))
		return 0;
	sa->len--;
	return 1;
}

int
mail_begin(struct mail *mail, struct recipient const *to, struct span sender)
{
	mail->to = to;
	mail->rest = NULL;
	mail->handover = HANDOVER_FINAL;
	mail->return_path.len = mail->delivered_to.len = 0;
	return copy_string(&mail->sender, sender) && copy_string(&mail->new_sender, sender) &&
	       stralloc_cats(&mail->return_path, "Return-Path: <") &&
	       append_address(&mail->return_path, sender) &&
	       stralloc_cats(&mail->return_path, ">") && end_line(&mail->return_path) &&
	       text_append(&mail->delivered_to, "Delivered-To: ", to->local, "@", to->domain,
		       (char *)0) &&
	       end_line(&mail->delivered_to) && make_from_line(mail);
}

enum verdict
mail_verdict(stralloc *text, enum verdict verdict, ...)
{
	va_list args;
	char const *s;

	va_start(args, verdict);
	while ((s = va_arg(args, char const *)))
		if (!stralloc_cats(text, s))
			break;
	va_end(args);
	return verdict;
}

enum verdict
mail_verdict_errno(stralloc *text, char const *what, char const *name)
{
	int e = errno;
	char const *code = e == EDQUOT ? ". (#4.2.2)" : e == ENOSPC ? ". (#4.3.1)" : ". (#4.3.0)";

	return mail_verdict(text, e == EDQUOT ? VERDICT_DEFERRED : VERDICT_TROUBLE, "Unable to ",
		what, name ? " " : "", name ? name : "", ": ", strerror(e), code, (char *)0);
}
