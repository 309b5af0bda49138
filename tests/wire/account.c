#include "wire/account.h"

#include <stdlib.h>

#include "wire/envelope.h"

#include "tests/tap.h"

#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static struct {
	char const *name;
	struct span answer;
	int want;
} const answers[] = {
	{"a user", BYTES("Ajoe\0001000\0001001\0/home/joe\0\0\0"), ACCOUNT_FOUND},
	{"a user with an extension", BYTES("Ajoe\0001\0001\0/h\0-\0List.x\0"), ACCOUNT_FOUND},
	{"a dash and nothing after it", BYTES("Ajoe\0001\0001\0/h\0-\0\0"), ACCOUNT_FOUND},
	{"the largest uid", BYTES("Ajoe\0004294967294\0001\0/h\0\0\0"), ACCOUNT_FOUND},
	{"the uid that means none", BYTES("Ajoe\0004294967295\0001\0/h\0\0\0"), -1},
	{"a uid over 32 bits", BYTES("Ajoe\0004294967296\0001\0/h\0\0\0"), -1},
	{"uid 0", BYTES("Ajoe\0000\0001\0/h\0\0\0"), -1},
	{"uid 00", BYTES("Ajoe\00000\0001\0/h\0\0\0"), -1},
	{"gid 0", BYTES("Ajoe\0001\0000\0/h\0\0\0"), -1},
	{"a negative uid", BYTES("Ajoe\000-1\0001\0/h\0\0\0"), -1},
	{"no uid", BYTES("Ajoe\0\0001\0/h\0\0\0"), -1},
	{"no user", BYTES("A\0001\0001\0/h\0\0\0"), -1},
	{"a user like an option", BYTES("A-w\0001\0001\0/h\0\0\0"), -1},
	{"upper case", BYTES("AJoe\0001\0001\0/h\0\0\0"), -1},
	{"a slash in the user", BYTES("A../x\0001\0001\0/h\0\0\0"), -1},
	{"a newline in the user", BYTES("Aj\n\0001\0001\0/h\0\0\0"), -1},
	{"a relative home", BYTES("Ajoe\0001\0001\0h\0\0\0"), -1},
	{"no home", BYTES("Ajoe\0001\0001\0\0\0\0"), -1},
	{"a newline in the home", BYTES("Ajoe\0001\0001\0/h\n\0\0\0"), -1},
	{"another dash", BYTES("Ajoe\0001\0001\0/h\0+\0x\0"), -1},
	{"an extension without a dash", BYTES("Ajoe\0001\0001\0/h\0\0x\0"), -1},
	{"a field too few", BYTES("Ajoe\0001\0001\0/h\0\0"), -1},
	{"a field too many", BYTES("Ajoe\0001\0001\0/h\0\0\0\0"), -1},
	{"the last NUL missing", BYTES("Ajoe\0001\0001\0/h\0-\0x"), -1},
	{"trouble", BYTES("Tno\0"), ACCOUNT_TROUBLE},
	{"trouble without words", BYTES("T\0"), ACCOUNT_TROUBLE},
	{"trouble and more", BYTES("Tno\0x"), -1},
	{"trouble without its NUL", BYTES("Tno"), -1},
	{"another letter", BYTES("Bno\0"), -1},
	{"nothing", {"", 0}, -1},
};

static int
round_trip(size_t user_len, size_t home_len, size_t ext_len)
{
	static char letters[2000];
	char home[2000] = "/";
	struct account account, back;
	struct span trouble;
	stralloc sa = STRALLOC_ZERO;
	int r;

	memset(letters, 'x', sizeof letters);
	memset(home + 1, 'y', sizeof home - 1);
	account.user = span(letters, user_len);
	account.uid = 7;
	account.gid = 8;
	account.home = span(home, home_len);
	account.dash = SPAN_LITERAL("-");
	account.ext = span(letters, ext_len);
	account_format(&sa, &account);
	r = account_parse(&back, &trouble, sa.s, sa.len);
	if (r == ACCOUNT_FOUND &&
		!(span_equal(account.user, back.user) && span_equal(account.home, back.home) &&
			span_equal(account.dash, back.dash) && span_equal(account.ext, back.ext) &&
			back.uid == 7 && back.gid == 8))
		r = -2;
	stralloc_free(&sa);
	return r;
}

static void
trouble_is_cut(void)
{
	char long_text[ACCOUNT_TEXT_MAX + 1];
	struct account account;
	struct span trouble = {"", 0};
	stralloc sa = STRALLOC_ZERO;

	memset(long_text, '\n', sizeof long_text);
	account_trouble_format(&sa, span(long_text, sizeof long_text));
	ok(account_parse(&account, &trouble, sa.s, sa.len) == ACCOUNT_TROUBLE &&
			trouble.len == ACCOUNT_TEXT_MAX && trouble.s[0] == '?',
		"trouble is cut and cleaned");
	stralloc_free(&sa);
}

int
main(void)
{
	struct account account;
	struct span trouble;

	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		/* at the end of its memory, so that a sanitizer sees a step too far */
		size_t len = answers[i].answer.len;
		char *copy = malloc(len ? len : 1);

		memcpy(copy, answers[i].answer.s, len);
		ok(account_parse(&account, &trouble, copy, len) == answers[i].want, "%s",
			answers[i].name);
		free(copy);
	}
	ok(round_trip(ACCOUNT_USER_LIMIT - 2, 9, 9) == ACCOUNT_FOUND, "one below the longest user");
	ok(round_trip(ACCOUNT_USER_LIMIT - 1, 9, 9) == ACCOUNT_FOUND, "the longest user");
	ok(round_trip(ACCOUNT_USER_LIMIT, 9, 9) == -1, "a user too long");
	ok(round_trip(3, ACCOUNT_HOME_MAX - 1, 9) == ACCOUNT_FOUND, "one below the longest home");
	ok(round_trip(3, ACCOUNT_HOME_MAX, 9) == ACCOUNT_FOUND, "the longest home");
	ok(round_trip(3, ACCOUNT_HOME_MAX + 1, 9) == -1, "a home too long");
	ok(round_trip(3, 9, ADDRESS_LIMIT - 2) == ACCOUNT_FOUND, "one below the longest extension");
	ok(round_trip(3, 9, ADDRESS_LIMIT - 1) == ACCOUNT_FOUND, "the longest extension");
	ok(round_trip(3, 9, ADDRESS_LIMIT) == -1, "an extension too long");
	trouble_is_cut();
	return tap_end();
}
