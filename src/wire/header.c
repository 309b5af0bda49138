#include "wire/header.h"

static int
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 5322, 3.6.8: what a field's name is made of. */
static int
is_name_character(char c)
{
	return c > ' ' && c <= '~' && c != ':';
}

enum header_line
header_line_kind(struct span start)
{
	size_t i = 0;

	if (start.len == 0)
		return HEADER_LINE_SHORT;
	if (start.s[0] == '\n')
		return HEADER_LINE_BLANK;
	if (is_blank(start.s[0]))
		return HEADER_LINE_FOLDED;
	while (i < start.len && i <= HEADER_NAME_MAX && is_name_character(start.s[i]))
		i++;
	if (i == 0 || i > HEADER_NAME_MAX)
		return HEADER_LINE_OTHER;
	while (i < start.len && is_blank(start.s[i]) && i < 2 * HEADER_NAME_MAX)
		i++;
	if (i == start.len)
		return HEADER_LINE_SHORT;
	return start.s[i] == ':' ? HEADER_LINE_FIELD : HEADER_LINE_OTHER;
}

/* The length of the first line of s, with its newline. */
static size_t
line_length(struct span s)
{
	size_t n = span_find(s, '\n');

	return n < s.len ? n + 1 : n;
}

static struct span
skipped(struct span s, size_t n)
{
	return span(s.s + n, s.len - n);
}

int
header_field_next(struct header_field *field, struct span *rest)
{
	size_t colon, len;

	if (header_line_kind(*rest) != HEADER_LINE_FIELD)
		return 0;
	colon = span_find(*rest, ':');
	len = line_length(*rest);
	while (header_line_kind(skipped(*rest, len)) == HEADER_LINE_FOLDED)
		len += line_length(skipped(*rest, len));
	field->whole = span(rest->s, len);
	field->name = span_trim(span(rest->s, colon));
	field->body = span(rest->s + colon + 1, len - colon - 1);
	*rest = skipped(*rest, len);
	return 1;
}
