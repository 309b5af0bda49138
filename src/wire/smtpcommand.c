#include "wire/smtpcommand.h"

#include "lib/netaddress.h"
#include "lib/utf8.h"

static struct {
	struct span name;
	enum smtp_verb verb;
} const verbs[] = {
	{{"HELO", 4}, SMTP_HELO},
	{{"EHLO", 4}, SMTP_EHLO},
	{{"MAIL", 4}, SMTP_MAIL},
	{{"RCPT", 4}, SMTP_RCPT},
	{{"DATA", 4}, SMTP_DATA},
	{{"BDAT", 4}, SMTP_BDAT},
	{{"RSET", 4}, SMTP_RSET},
	{{"NOOP", 4}, SMTP_NOOP},
	{{"VRFY", 4}, SMTP_VRFY},
	{{"HELP", 4}, SMTP_HELP},
	{{"QUIT", 4}, SMTP_QUIT},
	{{"EXPN", 4}, SMTP_FOREIGN},
	{{"TURN", 4}, SMTP_FOREIGN},
	{{"ATRN", 4}, SMTP_FOREIGN},
	{{"ETRN", 4}, SMTP_FOREIGN},
	{{"SEND", 4}, SMTP_FOREIGN},
	{{"SOML", 4}, SMTP_FOREIGN},
	{{"SAML", 4}, SMTP_FOREIGN},
	{{"AUTH", 4}, SMTP_FOREIGN},
	{{"BURL", 4}, SMTP_FOREIGN},
	{{"STARTTLS", 8}, SMTP_FOREIGN},
};

static int
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Part of a sequence of UTF-8, whose validity is checked before all else (RFC 6531, 3.3). */
static int
is_beyond_ascii(char c)
{
	return (unsigned char)c > 127;
}

/* What can be seen. */
static int
is_graphic(char c)
{
	return (c > ' ' && c < 127) || is_beyond_ascii(c);
}

/* What a local part may hold unquoted: atext and dots wherever they are (RFC 5321, 4.1.2). */
static int
is_atom(char c)
{
	return is_graphic(c) && !strchr("()<>[]:;@\\,\"", c);
}

int
smtp_command_parse(struct smtp_command *command, struct span line)
{
	struct span rest = line, word;

	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.s[i];

		if ((c < ' ' && c != '\t') || c == 127)
			return -1;
	}
	word = span_cut(&rest, ' ');
	command->verb = SMTP_UNKNOWN;
	command->argument = span_trim(rest);
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (span_case_equal(word, verbs[i].name))
			command->verb = verbs[i].verb;
	return 0;
}

/* The bytes of text up to the one that is not in the set. */
static struct span
run(struct span text, int (*in_set)(char))
{
	size_t n = 0;

	while (n < text.len && in_set(text.s[n]))
		n++;
	return span(text.s, n);
}

static void
skip(struct span *text, size_t n)
{
	*text = span(text->s + n, text->len - n);
}

static int
starts(struct span text, char c)
{
	return text.len > 0 && text.s[0] == c;
}

static enum smtp_syntax
put(struct smtp_path *path, struct span bytes)
{
	if (bytes.len >= sizeof path->address - path->len)
		return SMTP_TOO_LONG;
	memcpy(path->address + path->len, bytes.s, bytes.len);
	path->len += bytes.len;
	return SMTP_GOOD;
}

/* Takes a quoted string off *rest and puts what it means (RFC 5321, 4.1.2). */
static enum smtp_syntax
quoted_take(struct smtp_path *path, struct span *rest)
{
	for (skip(rest, 1); rest->len; skip(rest, 1)) {
		char c = rest->s[0];

		if (c == '"') {
			skip(rest, 1);
			return SMTP_GOOD;
		}
		if (c == '\\') {
			skip(rest, 1);
			if (rest->len == 0)
				return SMTP_BAD;
			c = rest->s[0];
		}
		if (!is_graphic(c) && c != ' ')
			return SMTP_BAD;
		if (put(path, span(&c, 1)) != SMTP_GOOD)
			return SMTP_TOO_LONG;
	}
	return SMTP_BAD;
}

/* [192.0.2.1] or [IPv6:2001:db8::1] (RFC 5321, 4.1.3). */
static enum smtp_syntax
literal_take(struct smtp_path *path, struct span *rest)
{
	size_t end = span_find(*rest, ']');
	struct netaddress address;
	struct span inner;
	int v6;

	if (end == rest->len)
		return SMTP_BAD;
	inner = span(rest->s + 1, end - 1);
	v6 = span_case_starts(inner, SPAN_LITERAL("IPv6:"));
	if (v6)
		skip(&inner, 5);
	if (netaddress_parse(&address, inner) == -1 ||
		v6 != (memchr(inner.s, ':', inner.len) != NULL))
		return SMTP_BAD;
	if (put(path, span(rest->s, end + 1)) != SMTP_GOOD)
		return SMTP_TOO_LONG;
	skip(rest, end + 1);
	return SMTP_GOOD;
}

static int
is_label(char c)
{
	return is_letter(c) || is_digit(c) || c == '-' || c == '_' || is_beyond_ascii(c);
}

/* Labels of 1 to 63 bytes between dots; underscores are seen in the wild. */
static enum smtp_syntax
name_take(struct smtp_path *path, struct span *rest)
{
	size_t before = path->len;

	for (;;) {
		struct span label = run(*rest, is_label);

		if (label.len == 0 || label.len > 63)
			return SMTP_BAD;
		if (put(path, label) != SMTP_GOOD)
			return SMTP_TOO_LONG;
		skip(rest, label.len);
		if (!starts(*rest, '.'))
			break;
		if (put(path, SPAN_LITERAL(".")) != SMTP_GOOD)
			return SMTP_TOO_LONG;
		skip(rest, 1);
	}
	return path->len - before <= SMTP_DOMAIN_MAX ? SMTP_GOOD : SMTP_BAD;
}

static enum smtp_syntax
domain_take(struct smtp_path *path, struct span *rest)
{
	return starts(*rest, '[') ? literal_take(path, rest) : name_take(path, rest);
}

/* Drops "@one,@two:" from the front. */
static enum smtp_syntax
route_skip(struct smtp_path *path, struct span *rest)
{
	for (;;) {
		enum smtp_syntax syntax;

		if (!starts(*rest, '@'))
			return SMTP_BAD;
		skip(rest, 1);
		syntax = domain_take(path, rest);
		if (syntax != SMTP_GOOD)
			return syntax;
		path->len = 0;
		if (starts(*rest, ':'))
			break;
		if (!starts(*rest, ','))
			return SMTP_BAD;
		skip(rest, 1);
	}
	skip(rest, 1);
	return SMTP_GOOD;
}

/* Takes local part and domain off *rest. */
static enum smtp_syntax
mailbox_take(struct smtp_path *path, struct span *rest)
{
	enum smtp_syntax syntax = SMTP_GOOD;

	if (starts(*rest, '@'))
		syntax = route_skip(path, rest);
	if (syntax != SMTP_GOOD)
		return syntax;
	if (starts(*rest, '"')) {
		syntax = quoted_take(path, rest);
	} else {
		struct span atom = run(*rest, is_atom);

		syntax = put(path, atom);
		skip(rest, atom.len);
	}
	path->local = path->len;
	if (syntax != SMTP_GOOD || path->len == 0)
		return syntax == SMTP_GOOD ? SMTP_BAD : syntax;
	if (!starts(*rest, '@'))
		return SMTP_GOOD;
	skip(rest, 1);
	syntax = put(path, SPAN_LITERAL("@"));
	return syntax == SMTP_GOOD ? domain_take(path, rest) : syntax;
}

/* The controls beyond ASCII, U+0080 to U+009F; those of ASCII no command has. */
static int
has_controls(struct span valid)
{
	while (valid.len) {
		unsigned long code = utf8_next(&valid);

		if (code >= 0x80 && code < 0xa0)
			return 1;
	}
	return 0;
}

enum smtp_syntax
smtp_path_parse(
	struct smtp_path *path, struct span *parameters, struct span argument, struct span keyword)
{
	struct span rest = argument;
	enum smtp_syntax syntax = SMTP_GOOD;
	int bracketed;

	path->len = path->local = 0;
	path->utf8 = 0;
	if (!utf8_is_valid(argument) || has_controls(argument))
		return SMTP_EIGHT_BIT;
	if (!span_case_starts(rest, keyword))
		return SMTP_BAD;
	skip(&rest, keyword.len);
	rest = span_trim(rest);
	bracketed = starts(rest, '<');
	if (bracketed)
		skip(&rest, 1);
	if (!bracketed || !starts(rest, '>'))
		syntax = mailbox_take(path, &rest);
	if (syntax != SMTP_GOOD)
		return syntax;
	if (bracketed) {
		if (!starts(rest, '>'))
			return SMTP_BAD;
		skip(&rest, 1);
	}
	if (rest.len && rest.s[0] != ' ')
		return SMTP_BAD;
	path->utf8 = !utf8_is_ascii(span(path->address, path->len));
	*parameters = rest;
	return SMTP_GOOD;
}

struct span
smtp_path_domain(struct smtp_path const *path)
{
	if (path->local == path->len)
		return span("", 0);
	return span(path->address + path->local + 1, path->len - path->local - 1);
}

static int
is_keyword(char c)
{
	return is_letter(c) || is_digit(c) || c == '-';
}

static int
is_value(char c)
{
	return is_graphic(c) && c != '=';
}

int
smtp_parameter_next(struct smtp_parameter *parameter, struct span *rest)
{
	while (starts(*rest, ' '))
		skip(rest, 1);
	if (rest->len == 0)
		return 0;
	parameter->keyword = run(*rest, is_keyword);
	if (parameter->keyword.len == 0 || parameter->keyword.s[0] == '-')
		return -1;
	skip(rest, parameter->keyword.len);
	parameter->value = span("", 0);
	parameter->has_value = starts(*rest, '=');
	if (parameter->has_value) {
		skip(rest, 1);
		parameter->value = run(*rest, is_value);
		if (parameter->value.len == 0)
			return -1;
		skip(rest, parameter->value.len);
	}
	return rest->len == 0 || rest->s[0] == ' ' ? 1 : -1;
}
