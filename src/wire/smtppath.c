#include "wire/smtppath.h"

static int
is_control(char c)
{
	return (c >= 0 && c < ' ') || c == '\177';
}

/* What an atom may hold; bytes over 127 are a matter of SMTPUTF8 (RFC 6531, 3.3). */
static int
is_atom(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c < 0)
		return 1;
	return c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL;
}

int
smtppath_is_possible(struct span address)
{
	for (size_t i = 0; i < address.len; i++)
		if (is_control(address.s[i]))
			return 0;
	for (size_t i = span_find_last(address, '@'); i < address.len; i++)
		if (strchr(" <>\"\\()", address.s[i]))
			return 0;
	return 1;
}

/* Whether it is atoms with single dots between them. */
static int
is_dot_string(struct span local)
{
	int atom = 0;

	for (size_t i = 0; i < local.len; i++) {
		if (local.s[i] != '.' && !is_atom(local.s[i]))
			return 0;
		if (local.s[i] == '.' && !atom)
			return 0;
		atom = local.s[i] != '.';
	}
	return atom;
}

static int
quoted_append(stralloc *out, struct span local)
{
	if (!stralloc_readyplus(out, 2 * local.len + 2))
		return 0;
	out->s[out->len++] = '"';
	for (size_t i = 0; i < local.len; i++) {
		if (local.s[i] == '"' || local.s[i] == '\\')
			out->s[out->len++] = '\\';
		out->s[out->len++] = local.s[i];
	}
	out->s[out->len++] = '"';
	return 1;
}

int
smtppath_append(stralloc *out, struct span address)
{
	struct span local = span(address.s, span_find_last(address, '@'));

	if (!stralloc_catb(out, "<", 1))
		return 0;
	if (address.len == 0 || is_dot_string(local)) {
		if (!stralloc_catb(out, local.s, local.len))
			return 0;
	} else if (!quoted_append(out, local)) {
		return 0;
	}
	return stralloc_catb(out, address.s + local.len, address.len - local.len) &&
	       stralloc_catb(out, ">", 1);
}
