#include "wire/dotqmail.h"

#include <stdlib.h>

#include "wire/envelope.h"

#include "tests/tap.h"

#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

/* Each line of a file as a letter for its kind and its text, ended by ';'. */
static char const letters[] = {[DOTQMAIL_COMMENT] = '#',
	[DOTQMAIL_PROGRAM] = '|',
	[DOTQMAIL_FORWARD] = '&',
	[DOTQMAIL_MBOX] = 'b',
	[DOTQMAIL_MAILDIR] = 'm',
	[DOTQMAIL_FORWARDS_ONLY] = '+',
	[DOTQMAIL_BLANK_FIRST] = '0',
	[DOTQMAIL_WRONG] = '!'};

static struct {
	char const *name;
	struct span file;
	char const *want;
} const files[] = {
	{"nothing", {"", 0}, ""},
	{"a forward with &", BYTES("&joe@example.org\n"), "&joe@example.org;"},
	{"a bare forward", BYTES("joe@example.org\n"), "&joe@example.org;"},
	{"no newline at the end", BYTES("joe"), "&joe;"},
	{"trailing blanks", BYTES("&joe \t \n"), "&joe;"},
	{"a leading blank is part of the address", BYTES(" joe\n"), "& joe;"},
	{"& alone", BYTES("&\n"), "!an address is empty;"},
	{"& and blanks", BYTES("& \n"), "!an address is empty;"},
	{"a program", BYTES("|cat 'a b' | x \n"), "|cat 'a b' | x;"},
	{"an empty program", BYTES("|\n"), "|;"},
	{"an mbox", BYTES("./Mailbox\n"), "b./Mailbox;"},
	{"an absolute mbox", BYTES("/a/b\n"), "b/a/b;"},
	{"a Maildir", BYTES("./Maildir/\n"), "m./Maildir/;"},
	{"a Maildir with blanks after it", BYTES("./Maildir/ \n"), "m./Maildir/;"},
	{"the root as a Maildir", BYTES("/\n"), "m/;"},
	{"a dot", BYTES(".\n"), "b.;"},
	{"a comment", BYTES("#&joe\n"), "#&joe;"},
	{"+list", BYTES("+list\n&a\n"), "++list;&a;"},
	{"+list with blanks after it", BYTES("+list \n"), "++list;"},
	{"+ and another word", BYTES("+lists\n+\n"), "#+lists;#+;"},
	{"a blank first line", BYTES("\n&a\n"), "0;&a;"},
	{"a first line of blanks", BYTES(" \t\n&a\n"), "0;&a;"},
	{"a blank later line", BYTES("&a\n\n&b\n"), "&a;#;&b;"},
	{"a NUL", BYTES("&a\0b\n&c\n"), "!the line holds a NUL byte;&c;"},
	{"a NUL alone", BYTES("\0"), "!the line holds a NUL byte;"},
	{"carriage returns stay", BYTES("&a\r\n"), "&a\r;"},
	{"8-bit", BYTES("&\xc3\xa9@x\n"), "&\xc3\xa9@x;"},
};

static struct {
	char const *extension, *want;
} const names[] = {
	{"", ""},
	{"list", "list"},
	{"List.2", "list:2"},
	{"../../etc/passwd", "::::::etc:passwd"},
	{".", ":"},
	{"a:b", "a:b"},
	{"\xc3\x89", "\xc3\x89"},
};

static void
describe(stralloc *got, struct span file)
{
	struct dotqmail at = {file, 0};
	struct dotqmail_line line;

	got->len = 0;
	while (dotqmail_next(&at, &line)) {
		stralloc_catb(got, &letters[line.kind], 1);
		stralloc_catb(got, line.text.s, line.text.len);
		stralloc_catb(got, ";", 1);
	}
}

static void
check_limit(char const *name, char first, size_t length, enum dotqmail_kind want)
{
	char *s = malloc(length + 1);
	struct dotqmail at = {{s, length + 1}, 0};
	struct dotqmail_line line;

	memset(s, 'x', length);
	s[0] = first;
	s[length] = '\n';
	ok(dotqmail_next(&at, &line) == 1 && line.kind == want && !dotqmail_next(&at, &line), "%s",
		name);
	free(s);
}

int
main(void)
{
	stralloc got = STRALLOC_ZERO;

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		describe(&got, files[i].file);
		same(got.s, got.len, files[i].want, strlen(files[i].want), files[i].name);
	}
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		got.len = 0;
		dotqmail_append_name(&got, span_string(names[i].extension));
		same(got.s, got.len, names[i].want, strlen(names[i].want), names[i].extension);
	}
	check_limit("one below the longest line", '|', DOTQMAIL_LINE_MAX - 1, DOTQMAIL_PROGRAM);
	check_limit("the longest line", '|', DOTQMAIL_LINE_MAX, DOTQMAIL_PROGRAM);
	check_limit("one above the longest line", '|', DOTQMAIL_LINE_MAX + 1, DOTQMAIL_WRONG);
	check_limit("one below the longest address", 'x', ADDRESS_LIMIT - 2, DOTQMAIL_FORWARD);
	check_limit("the longest address", 'x', ADDRESS_LIMIT - 1, DOTQMAIL_FORWARD);
	check_limit("one above the longest address", 'x', ADDRESS_LIMIT, DOTQMAIL_WRONG);
	check_limit("the longest address after &", '&', ADDRESS_LIMIT, DOTQMAIL_FORWARD);
	stralloc_free(&got);
	return tap_end();
}
