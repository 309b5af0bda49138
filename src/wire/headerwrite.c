/* What we write into a header ourselves. */
#include "wire/header.h"

#include <string.h>

/* RFC 5322, 3.2.3, and RFC 6532, 3.2. */
static int
is_atom_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (unsigned char)c > 127 || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static int
is_control(char c)
{
	return (unsigned char)c < ' ' || c == 127;
}

static int
is_dot_atom(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (is_atom_character(s.s[i]))
			continue;
		if (s.s[i] != '.' || i == 0 || i + 1 == s.len || s.s[i - 1] == '.')
			return 0;
	}
	return s.len > 0;
}

/* Appends the bytes, with a backslash before each of `quoted`, and none that could end a line. */
static int
escaped_append(stralloc *sa, struct span s, char const *quoted, char control)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = is_control(s.s[i]) ? control : s.s[i];

		if (strchr(quoted, c) && !stralloc_catb(sa, "\\", 1))
			return 0;
		if (!stralloc_catb(sa, &c, 1))
			return 0;
	}
	return 1;
}

static int
quoted_append(stralloc *sa, struct span s, char control)
{
	return stralloc_catb(sa, "\"", 1) && escaped_append(sa, s, "\"\\", control) &&
	       stralloc_catb(sa, "\"", 1);
}

int
header_address_append(stralloc *sa, struct span plain)
{
	size_t at = span_find_last(plain, '@');
	struct span local = span(plain.s, at);

	if (plain.len == 0)
		return 1;
	if (is_dot_atom(local) ? !stralloc_catb(sa, local.s, local.len)
			       : !quoted_append(sa, local, '?'))
		return 0;
	return escaped_append(sa, span(plain.s + at, plain.len - at), "", '?');
}

/* One encoded word holds at most 75 characters (RFC 2047, 2); this many bytes always fit. */
enum { ENCODED_BYTES = 20 };

/* The first bytes of s that make whole characters of UTF-8, if they are UTF-8. */
static struct span
piece(struct span s)
{
	size_t n = ENCODED_BYTES;

	if (s.len <= n)
		return s;
	while (n > ENCODED_BYTES - 4 && ((unsigned char)s.s[n] & 0xc0) == 0x80)
		n--;
	return span(s.s, n);
}

static int
encoded_word_append(stralloc *sa, struct span s)
{
	static char const hexadecimal[] = "0123456789ABCDEF";

	if (!stralloc_cats(sa, "=?utf-8?q?"))
		return 0;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.s[i];
		char code[3] = {'=', hexadecimal[c >> 4], hexadecimal[c & 15]};

		if (s.s[i] == ' ' ? !stralloc_catb(sa, "_", 1)
			: (c < 128 && (c | 32) >= 'a' && (c | 32) <= 'z')
				? !stralloc_catb(sa, s.s + i, 1)
				: !stralloc_catb(sa, code, 3))
			return 0;
	}
	return stralloc_cats(sa, "?=");
}

static int
encoded_append(stralloc *sa, struct span name)
{
	while (name.len) {
		struct span part = piece(name);

		name = span(name.s + part.len, name.len - part.len);
		if (!encoded_word_append(sa, part) || (name.len && !stralloc_cats(sa, "\n ")))
			return 0;
	}
	return 1;
}

static int
is_ascii(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.s[i] > 127)
			return 0;
	return 1;
}

static int
is_phrase_of_atoms(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.s[i] != ' ' && !is_atom_character(s.s[i]))
			return 0;
	return s.len > 0 && s.s[0] != ' ' && s.s[s.len - 1] != ' ' &&
	       memcmp(s.s, "=?", s.len < 2 ? s.len : 2) != 0;
}

int
header_phrase_append(stralloc *sa, struct span name)
{
	if (!is_ascii(name))
		return encoded_append(sa, name);
	if (is_phrase_of_atoms(name))
		return stralloc_catb(sa, name.s, name.len);
	return quoted_append(sa, name, ' ');
}

int
header_comment_append(stralloc *sa, struct span name)
{
	int r;

	if (!stralloc_catb(sa, "(", 1))
		return 0;
	r = is_ascii(name) ? escaped_append(sa, name, "()\\", ' ') : encoded_append(sa, name);
	return r && stralloc_catb(sa, ")", 1);
}
