#include "wire/dotqmail.h"

#include "wire/envelope.h"

static struct dotqmail_line
wrong(struct span what)
{
	return (struct dotqmail_line){DOTQMAIL_WRONG, what};
}

static struct span
without_trailing_blanks(struct span s)
{
	while (s.len && (s.s[s.len - 1] == ' ' || s.s[s.len - 1] == '\t'))
		s.len--;
	return s;
}

static struct span
after_first(struct span s)
{
	return span(s.s + 1, s.len - 1);
}

static struct dotqmail_line
forward(struct span address)
{
	if (address.len == 0)
		return wrong(SPAN_LITERAL("an address is empty"));
	if (address.len >= ADDRESS_LIMIT)
		return wrong(SPAN_LITERAL("an address is too long"));
	return (struct dotqmail_line){DOTQMAIL_FORWARD, address};
}

static struct dotqmail_line
classify(struct span text)
{
	switch (text.s[0]) {
	case '#': return (struct dotqmail_line){DOTQMAIL_COMMENT, after_first(text)};
	case '|': return (struct dotqmail_line){DOTQMAIL_PROGRAM, after_first(text)};
	case '&': return forward(after_first(text));
	case '+':
		if (span_equal(text, SPAN_LITERAL("+list")))
			return (struct dotqmail_line){DOTQMAIL_FORWARDS_ONLY, text};
		return (struct dotqmail_line){DOTQMAIL_COMMENT, text};
	case '.':
	case '/':
		return (struct dotqmail_line){
			text.s[text.len - 1] == '/' ? DOTQMAIL_MAILDIR : DOTQMAIL_MBOX, text};
	default: return forward(text);
	}
}

int
dotqmail_next(struct dotqmail *file, struct dotqmail_line *line)
{
	struct span text;

	if (file->rest.len == 0)
		return 0;
	text = span_cut(&file->rest, '\n');
	file->line++;
	if (text.len > DOTQMAIL_LINE_MAX) {
		*line = wrong(SPAN_LITERAL("the line is too long"));
	} else if (span_find(text, '\0') != text.len) {
		*line = wrong(SPAN_LITERAL("the line holds a NUL byte"));
	} else {
		text = without_trailing_blanks(text);
		if (text.len)
			*line = classify(text);
		else
			*line = (struct dotqmail_line){
				file->line == 1 ? DOTQMAIL_BLANK_FIRST : DOTQMAIL_COMMENT, text};
	}
	return 1;
}

int
dotqmail_append_name(stralloc *sa, struct span extension)
{
	if (!stralloc_readyplus(sa, extension.len))
		return 0;
	for (size_t i = 0; i < extension.len; i++) {
		char c = extension.s[i];

		if (c == '.' || c == '/')
			c = ':';
		else if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		sa->s[sa->len++] = c;
	}
	return 1;
}
