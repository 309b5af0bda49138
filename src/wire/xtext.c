#include "wire/xtext.h"

#include "lib/text.h"

static int
hexadecimal(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that the code at the start of s stands for; -1 when there is no code. */
static int
code_read(struct span s)
{
	int high, low;

	if (s.len < 3 || s.s[0] != '+')
		return -1;
	high = hexadecimal(s.s[1]);
	low = hexadecimal(s.s[2]);
	return high == -1 || low == -1 ? -1 : high * 16 + low;
}

int
xtext_is_good(struct span s)
{
	while (s.len) {
		size_t len = s.s[0] == '+' ? 3 : 1;
		int c = len == 3 ? code_read(s) : s.s[0];

		if (c < ' ' || c > '~' || (len == 1 && (c == ' ' || c == '=')))
			return 0;
		s = span(s.s + len, s.len - len);
	}
	return 1;
}

int
xtext_append_decoded(stralloc *sa, struct span s)
{
	while (s.len) {
		int code = code_read(s);
		size_t len = code == -1 ? 1 : 3;
		char c = code == -1 ? s.s[0] : (char)code;

		if (!text_append_clean(sa, span(&c, 1)))
			return 0;
		s = span(s.s + len, s.len - len);
	}
	return 1;
}
