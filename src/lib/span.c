#include "lib/span.h"

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int
span_case_starts(struct span a, struct span b)
{
	if (a.len < b.len)
		return 0;
	for (size_t i = 0; i < b.len; i++)
		if (lower(a.s[i]) != lower(b.s[i]))
			return 0;
	return 1;
}

int
span_case_equal(struct span a, struct span b)
{
	return a.len == b.len && span_case_starts(a, b);
}

size_t
span_find(struct span s, char c)
{
	char const *at = s.len ? memchr(s.s, c, s.len) : NULL;

	return at ? (size_t)(at - s.s) : s.len;
}

size_t
span_find_last(struct span s, char c)
{
	for (size_t i = s.len; i > 0; i--)
		if (s.s[i - 1] == c)
			return i - 1;
	return s.len;
}

struct span
span_cut(struct span *s, char c)
{
	size_t at = span_find(*s, c);
	struct span head = span(s->s, at);
	size_t skip = at < s->len ? at + 1 : at;

	s->s += skip;
	s->len -= skip;
	return head;
}

static int
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct span
span_trim(struct span s)
{
	while (s.len && is_blank(s.s[0])) {
		s.s++;
		s.len--;
	}
	while (s.len && is_blank(s.s[s.len - 1]))
		s.len--;
	return s;
}

struct span
span_cut_word(struct span *s)
{
	struct span word = *s;

	word.len = 0;
	while (word.len < s->len && !is_blank(s->s[word.len]))
		word.len++;
	*s = span_trim(span(s->s + word.len, s->len - word.len));
	return word;
}
