#include "wire/header.h"

#include "tests/tap.h"

static struct {
	char const *text;
	enum header_line kind;
} const lines[] = {
	{"To: x", HEADER_LINE_FIELD},
	{"To : x", HEADER_LINE_FIELD},
	{"To\t: x", HEADER_LINE_FIELD},
	{"X:", HEADER_LINE_FIELD},
	{" x", HEADER_LINE_FOLDED},
	{"\tx", HEADER_LINE_FOLDED},
	{"\n", HEADER_LINE_BLANK},
	{"", HEADER_LINE_SHORT},
	{"To", HEADER_LINE_SHORT},
	{"To ", HEADER_LINE_SHORT},
	{"To\n", HEADER_LINE_OTHER},
	{": x", HEADER_LINE_OTHER},
	{"hello world", HEADER_LINE_OTHER},
	{"From someone Sat Nov", HEADER_LINE_OTHER},
	{"T\303\266: x", HEADER_LINE_OTHER},
};

/* Each address as PLAIN|AS WRITTEN, one after the other, and how the list ends. */
static struct {
	char const *body;
	char const *want;
} const lists[] = {
	{"", "."},
	{" \n", "."},
	{"a@b", "a@b|a@b ."},
	{" a@b\n", "a@b|a@b ."},
	{"a", "a|a ."},
	{"a@b, c@d", "a@b|a@b c@d|c@d ."},
	{"a@b,c@d,", "a@b|a@b c@d|c@d ."},
	{",,a@b,,c@d", "a@b|a@b c@d|c@d ."},
	{"a@b;c@d", "a@b|a@b c@d|c@d ."},
	{"A B <a@b>", "a@b|a@b ."},
	{"\"A, B\" <a@b>", "a@b|a@b ."},
	{"A. B. C <a@b>", "a@b|a@b ."},
	{"<a@b>", "a@b|a@b ."},
	{"<>", "| ."},
	{"X <>", "| ."},
	{"a@b (Comment, with (a nested \\) one) in it)", "a@b|a@b ."},
	{"(c) a (c) @ (c) b (c) . c (c)", "a@b.c|a (c) @ (c) b (c) . c ."},
	{"a\n @\n b", "a@b|a\n @\n b ."},
	{"g: a@b, N <c@d>;", "a@b|a@b c@d|c@d ."},
	{"g: a@b;, e@f", "a@b|a@b e@f|e@f ."},
	{"undisclosed-recipients:;", "."},
	{"recipient list not shown: ;", "."},
	{"A group: ;", "."},
	{"g: a@b", "a@b|a@b ."},
	{"\"a b\"@c", "a b@c|\"a b\"@c ."},
	{"\"a\\\"b\"@c", "a\"b@c|\"a\\\"b\"@c ."},
	{"\"a\"", "a|\"a\" ."},
	{"a.\"b c\".d@e", "a.b c.d@e|a.\"b c\".d@e ."},
	{"a\\@b@c", "a@b@c|a\\@b@c ."},
	{"a@[192.0.2.1]", "a@[192.0.2.1]|a@[192.0.2.1] ."},
	{"a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]|a@[IPv6:2001:db8::1] ."},
	{"<@r1,@r2:a@b>", "a@b|a@b ."},
	{"N <@r1.x,@r2:a>", "a|a ."},
	{"host!user", "host!user|host!user ."},
	{"user%other@host", "user%other@host|user%other@host ."},
	{"root+", "root+|root+ ."},
	{"a@b+", "a@b+|a@b+ ."},
	{"a..b@c", "a..b@c|a..b@c ."},
	{"j\303\266rg@b", "j\303\266rg@b|j\303\266rg@b ."},
	{"J\303\266rg <a@b>", "a@b|a@b ."},
	{"John Doe", "!"},
	{"John Doe, a@b", "!"},
	{"a@b c@d", "!"},
	{"a@b@c", "!"},
	{"a@", "!"},
	{"@b", "!"},
	{"<@b>", "!"},
	{"<a@b", "!"},
	{"a@b>", "!"},
	{"<a@b> c", "!"},
	{"<a b@c>", "!"},
	{"<<a@b>>", "!"},
	{"<@r", "!"},
	{"a@b (not closed", "!"},
	{"\"not closed", "!"},
	{"a@[not closed", "!"},
	{"a@b)", "!"},
	{"a]", "!"},
	{"x \\", "!"},
	{"\"\"@b", "!"},
	{"a@\"b c\"", "!"},
	{"a@[b@c]", "!"},
	{"a@b\\@c", "!"},
	{"\"a\001b\"@c", "!"},
	{"a\177@c", "!"},
	{"ok@x, a@b c", "ok@x|ok@x !"},
};

static void
list_show(stralloc *shown, struct span body)
{
	struct header_addresses list = {body, 0};
	stralloc plain = STRALLOC_ZERO;
	struct header_address a = {.plain = &plain};
	enum header_result r;

	shown->len = 0;
	while ((r = header_address_next(&list, &a)) == HEADER_ADDRESS) {
		stralloc_catb(shown, plain.s, plain.len);
		stralloc_cats(shown, "|");
		stralloc_catb(shown, body.s + a.begin, a.end - a.begin);
		stralloc_cats(shown, " ");
	}
	stralloc_cats(shown, r == HEADER_END ? "." : "!");
	stralloc_free(&plain);
}

static void
domains_check(void)
{
	stralloc plain = STRALLOC_ZERO;
	struct header_address a = {.plain = &plain};
	struct header_addresses list = {SPAN_LITERAL("\"x@y\"@z.org, local"), 0};

	ok(header_address_next(&list, &a) == HEADER_ADDRESS && a.has_domain && a.domain == 4,
		"the domain begins after the last @");
	ok(header_address_next(&list, &a) == HEADER_ADDRESS && !a.has_domain && a.domain == 5,
		"an address without a domain");
	list = (struct header_addresses){{"a\0b@c", 5}, 0};
	ok(header_address_next(&list, &a) == HEADER_WRONG, "a NUL is refused");
	stralloc_free(&plain);
}

static void
fields_check(void)
{
	struct span rest = SPAN_LITERAL("A: 1\nB :2\n 3\n\t4\nC:\nnot a field\nD: 5\n");
	struct header_field f;
	size_t limit = HEADER_NAME_MAX;
	char name[HEADER_NAME_MAX + 2];

	ok(header_field_next(&f, &rest) && span_equal(f.name, SPAN_LITERAL("A")) &&
			span_equal(f.body, SPAN_LITERAL(" 1\n")),
		"a field");
	ok(header_field_next(&f, &rest) && span_equal(f.name, SPAN_LITERAL("B")) &&
			span_equal(f.body, SPAN_LITERAL("2\n 3\n\t4\n")) &&
			span_equal(f.whole, SPAN_LITERAL("B :2\n 3\n\t4\n")),
		"a folded field");
	ok(header_field_next(&f, &rest) && span_equal(f.body, SPAN_LITERAL("\n")), "an empty one");
	ok(!header_field_next(&f, &rest) && rest.s[0] == 'n', "the end before what is no field");
	memset(name, 'x', sizeof name);
	name[limit - 1] = ':';
	ok(header_line_kind(span(name, limit)) == HEADER_LINE_FIELD, "a name below the limit");
	name[limit - 1] = 'x', name[limit] = ':';
	ok(header_line_kind(span(name, limit + 1)) == HEADER_LINE_FIELD, "a name at the limit");
	name[limit] = 'x', name[limit + 1] = ':';
	ok(header_line_kind(span(name, limit + 2)) == HEADER_LINE_OTHER, "a name above the limit");
}

static struct {
	char const *plain;
	char const *written;
} const addresses[] = {
	{"", ""},
	{"a@b", "a@b"},
	{"a.b@c", "a.b@c"},
	{"a b@c", "\"a b\"@c"},
	{"a\"b@c", "\"a\\\"b\"@c"},
	{"a\\b@c", "\"a\\\\b\"@c"},
	{".a@c", "\".a\"@c"},
	{"a.@c", "\"a.\"@c"},
	{"a..b@c", "\"a..b\"@c"},
	{"a@b@c", "\"a@b\"@c"},
	{"@c", "\"\"@c"},
	{"a\nb@c\nd", "\"a?b\"@c?d"},
	{"local", "local"},
	{"#@[]", "#@[]"},
};

static struct {
	char const *name;
	char const *phrase;
	char const *comment;
} const names[] = {
	{"Ann Lee", "Ann Lee", "(Ann Lee)"},
	{"Lee, Ann", "\"Lee, Ann\"", "(Lee, Ann)"},
	{"A \"B\" (C)", "\"A \\\"B\\\" (C)\"", "(A \"B\" \\(C\\))"},
	{"J. Doe", "\"J. Doe\"", "(J. Doe)"},
	{"a\nBcc: x", "\"a Bcc: x\"", "(a Bcc: x)"},
	{"=?x?=", "\"=?x?=\"", "(=?x?=)"},
	{"J\303\266rg", "=?utf-8?q?J=C3=B6rg?=", "(=?utf-8?q?J=C3=B6rg?=)"},
	{"\303\266\303\266\303\266\303\266\303\266\303\266\303\266\303\266\303\266z\303\266",
		"=?utf-8?q?=C3=B6=C3=B6=C3=B6=C3=B6=C3=B6=C3=B6=C3=B6=C3=B6=C3=B6z?=\n "
		"=?utf-8?q?=C3=B6?=",
		"(=?utf-8?q?=C3=B6=C3=B6=C3=B6=C3=B6=C3=B6=C3=B6=C3=B6=C3=B6=C3=B6z?=\n "
		"=?utf-8?q?=C3=B6?=)"},
};

static char const *
label(char const *table, size_t i)
{
	static char text[40];

	snprintf(text, sizeof text, "%s %zu", table, i);
	return text;
}

int
main(void)
{
	stralloc sa = STRALLOC_ZERO;

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		ok(header_line_kind(span_string(lines[i].text)) == lines[i].kind, "line %zu", i);
	fields_check();
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		list_show(&sa, span_string(lists[i].body));
		same(sa.s, sa.len, lists[i].want, strlen(lists[i].want), label("list", i));
	}
	domains_check();
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		sa.len = 0;
		header_address_append(&sa, span_string(addresses[i].plain));
		same(sa.s, sa.len, addresses[i].written, strlen(addresses[i].written),
			label("address", i));
	}
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		sa.len = 0;
		header_phrase_append(&sa, span_string(names[i].name));
		same(sa.s, sa.len, names[i].phrase, strlen(names[i].phrase), label("phrase", i));
		sa.len = 0;
		header_comment_append(&sa, span_string(names[i].name));
		same(sa.s, sa.len, names[i].comment, strlen(names[i].comment), label("comment", i));
	}
	stralloc_free(&sa);
	return tap_end();
}
