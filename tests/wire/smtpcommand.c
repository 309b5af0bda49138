#include "wire/smtpcommand.h"

#include "tests/tap.h"

static struct {
	char const *line;
	size_t len;
	int result;
	enum smtp_verb verb;
	char const *argument;
} const commands[] = {
#define LINE(line, result, verb, argument)                                                         \
	{                                                                                          \
		line, sizeof line - 1, result, verb, argument                                      \
	}
	LINE("QUIT", 0, SMTP_QUIT, ""),
	LINE("quit", 0, SMTP_QUIT, ""),
	LINE("QuIt  ", 0, SMTP_QUIT, ""),
	LINE("EHLO  host ", 0, SMTP_EHLO, "host"),
	LINE("MAIL FROM:<a@b> SIZE=1 ", 0, SMTP_MAIL, "FROM:<a@b> SIZE=1"),
	LINE("STARTTLS", 0, SMTP_FOREIGN, ""),
	LINE("BDAT 4", 0, SMTP_BDAT, "4"),
	LINE("", 0, SMTP_UNKNOWN, ""),
	LINE(" QUIT", 0, SMTP_UNKNOWN, "QUIT"),
	LINE("QUITX", 0, SMTP_UNKNOWN, ""),
	LINE("DATA\t", 0, SMTP_UNKNOWN, ""),
	LINE("MAIL\0FROM", -1, SMTP_UNKNOWN, ""),
	LINE("NOOP a\rb", -1, SMTP_UNKNOWN, ""),
	LINE("NOOP \x7f", -1, SMTP_UNKNOWN, ""),
	LINE("NOOP \x1b[2J", -1, SMTP_UNKNOWN, ""),
	LINE("\x16\x03\x01", -1, SMTP_UNKNOWN, ""),
};

static struct {
	char const *argument;
	enum smtp_syntax syntax;
	char const *address;
	char const *domain;
	char const *parameters;
} const paths[] = {
	{"FROM:<a@example.org>", SMTP_GOOD, "a@example.org", "example.org", ""},
	{"from:<A@Example.ORG>", SMTP_GOOD, "A@Example.ORG", "Example.ORG", ""},
	{"FROM: <a@b>", SMTP_GOOD, "a@b", "b", ""},
	{"FROM:<a@b> SIZE=7 BODY=8BITMIME", SMTP_GOOD, "a@b", "b", " SIZE=7 BODY=8BITMIME"},
	{"FROM:a@b", SMTP_GOOD, "a@b", "b", ""},
	{"FROM:a@b SIZE=7", SMTP_GOOD, "a@b", "b", " SIZE=7"},
	{"FROM:<>", SMTP_GOOD, "", "", ""},
	{"FROM:<> SIZE=7", SMTP_GOOD, "", "", " SIZE=7"},
	{"FROM:<postmaster>", SMTP_GOOD, "postmaster", "", ""},
	{"FROM:<a.b+c=d/e{f}%g!h@b>", SMTP_GOOD, "a.b+c=d/e{f}%g!h@b", "b", ""},
	{"FROM:<.a..b.@b>", SMTP_GOOD, ".a..b.@b", "b", ""},
	{"FROM:<\"a b\"@c>", SMTP_GOOD, "a b@c", "c", ""},
	{"FROM:<\"a\\\"b\\\\c\"@d>", SMTP_GOOD, "a\"b\\c@d", "d", ""},
	{"FROM:<\"a@b\"@c>", SMTP_GOOD, "a@b@c", "c", ""},
	{"FROM:<\"a>b\"@c>", SMTP_GOOD, "a>b@c", "c", ""},
	{"FROM:<@one:a@b>", SMTP_GOOD, "a@b", "b", ""},
	{"FROM:<@one,@two.example:a@b>", SMTP_GOOD, "a@b", "b", ""},
	{"FROM:<a@[192.0.2.1]>", SMTP_GOOD, "a@[192.0.2.1]", "[192.0.2.1]", ""},
	{"FROM:<a@[IPv6:2001:db8::1]>", SMTP_GOOD, "a@[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]",
		""},
	{"FROM:<a@under_score.example>", SMTP_GOOD, "a@under_score.example", "under_score.example",
		""},
	{"FROM:", SMTP_BAD, NULL, NULL, NULL},
	{"FROM", SMTP_BAD, NULL, NULL, NULL},
	{"TO:<a@b>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a@b", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:a@b>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a@b>x", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a@b>SIZE=7", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<<a@b>>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a@>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<@b>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<@>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<@b:>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<@b,a@c>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a@b@c>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a b@c>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a@b c>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a@b(c)>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a\\@b@c>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a,b@c>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a@b.>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a@.b>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a@b..c>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a@[192.0.2.1>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a@[192.0.2.256]>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a@[2001:db8::1]>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a@[IPv6:192.0.2.1]>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a@[]>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<\"a@b>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<\"a\\", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<\"\"@b>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<\"a\"b@c>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<a\"b\"@c>", SMTP_BAD, NULL, NULL, NULL},
	{"FROM:<\xc3\xbc@b>", SMTP_GOOD, "\xc3\xbc@b", "b", ""},
	{"FROM:<a@\xc3\xbc.example> SMTPUTF8", SMTP_GOOD, "a@\xc3\xbc.example", "\xc3\xbc.example",
		" SMTPUTF8"},
	{"FROM:<\"\xe2\x82\xac \xf0\x9f\x93\xa7\"@b>", SMTP_GOOD, "\xe2\x82\xac \xf0\x9f\x93\xa7@b",
		"b", ""},
	{"FROM:<\xc3@b>", SMTP_EIGHT_BIT, NULL, NULL, NULL},
	{"FROM:<\xfc@b>", SMTP_EIGHT_BIT, NULL, NULL, NULL},
	{"FROM:<\xc0\xaf@b>", SMTP_EIGHT_BIT, NULL, NULL, NULL},
	{"FROM:<\xed\xa0\x80@b>", SMTP_EIGHT_BIT, NULL, NULL, NULL},
	{"FROM:<\xf4\x90\x80\x80@b>", SMTP_EIGHT_BIT, NULL, NULL, NULL},
	{"FROM:<a\xc2\x85@b>", SMTP_EIGHT_BIT, NULL, NULL, NULL},
	{"FROM:<a@b> X=\xff", SMTP_EIGHT_BIT, NULL, NULL, NULL},
};

static struct {
	char const *text;
	int count;  /* of parameters before the end */
	int result; /* 0 or -1 */
	char const *last;
} const parameters[] = {
	{"", 0, 0, ""},
	{"   ", 0, 0, ""},
	{" SIZE=12", 1, 0, "SIZE=12"},
	{" A B=c  D-1=e ", 3, 0, "D-1=e"},
	{" SIZE=", 0, -1, ""},
	{" =1", 0, -1, ""},
	{" A==", 0, -1, ""},
	{" A=b=c", 0, -1, ""},
	{" -A", 0, -1, ""},
	{" A B;", 1, -1, "A"},
	{" A=\x7f", 0, -1, ""},
	{" A=\xc3\xbc", 1, 0, "A=\xc3\xbc"},
};

static void
check_length(size_t total, enum smtp_syntax syntax)
{
	char argument[2048];
	struct smtp_path path;
	struct span rest;
	int n = snprintf(argument, sizeof argument, "TO:<%0*d@b>", (int)total - 2, 0);

	ok(smtp_path_parse(&path, &rest, span(argument, (size_t)n), SPAN_LITERAL("TO:")) == syntax,
		"an address of %zu bytes", total);
}

static void
check_domain_length(size_t last_label, enum smtp_syntax syntax)
{
	char argument[2048];
	struct smtp_path path;
	struct span rest;
	int n = snprintf(argument, sizeof argument, "TO:<a@%063d.%063d.%063d.%0*d>", 0, 0, 0,
		(int)last_label, 0);

	ok(smtp_path_parse(&path, &rest, span(argument, (size_t)n), SPAN_LITERAL("TO:")) == syntax,
		"a domain whose fourth label has %zu bytes", last_label);
}

static void
check_path(size_t i)
{
	struct smtp_path path;
	struct span rest, domain;
	char const *argument = paths[i].argument;
	enum smtp_syntax syntax =
		smtp_path_parse(&path, &rest, span_string(argument), SPAN_LITERAL("FROM:"));

	if (!ok(syntax == paths[i].syntax, "%s", argument) || syntax != SMTP_GOOD)
		return;
	domain = smtp_path_domain(&path);
	same(path.address, path.len, paths[i].address, strlen(paths[i].address), "  its address");
	same(domain.s, domain.len, paths[i].domain, strlen(paths[i].domain), "  its domain");
	same(rest.s, rest.len, paths[i].parameters, strlen(paths[i].parameters),
		"  its parameters");
}

static void
check_parameters(size_t i)
{
	struct span rest = span_string(parameters[i].text);
	struct smtp_parameter p, last = {{"", 0}, {"", 0}, 0};
	char text[64];
	int count = 0, r;

	while ((r = smtp_parameter_next(&p, &rest)) == 1) {
		count++;
		last = p;
	}
	snprintf(text, sizeof text, "%.*s%s%.*s", (int)last.keyword.len, last.keyword.s,
		last.has_value ? "=" : "", (int)last.value.len, last.value.s);
	ok(r == parameters[i].result && count == parameters[i].count &&
			strcmp(text, parameters[i].last) == 0,
		"parameters '%s'", parameters[i].text);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		struct smtp_command c;
		int r = smtp_command_parse(&c, span(commands[i].line, commands[i].len));

		ok(r == commands[i].result &&
				(r == -1 || (c.verb == commands[i].verb &&
						    span_equal(c.argument,
							    span_string(commands[i].argument)))),
			"command %zu", i);
	}
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		check_path(i);
	for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++)
		check_parameters(i);
	check_length(ADDRESS_LIMIT - 1, SMTP_GOOD);
	check_length(ADDRESS_LIMIT, SMTP_TOO_LONG);
	check_length(ADDRESS_LIMIT + 1, SMTP_TOO_LONG);
	check_domain_length(62, SMTP_GOOD);
	check_domain_length(63, SMTP_GOOD);
	check_domain_length(64, SMTP_BAD);
	return tap_end();
}
