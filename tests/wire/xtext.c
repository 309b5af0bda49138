#include "wire/xtext.h"

#include "tests/tap.h"

static struct {
	char const *text;
	size_t len;
	int good;
	char const *decoded;
} const rows[] = {
#define ROW(text, good, decoded)                                                                   \
	{                                                                                          \
		text, sizeof text - 1, good, decoded                                               \
	}
	ROW("", 1, ""),
	ROW("abc@example.org", 1, "abc@example.org"),
	ROW("a+2Bb+3Dc", 1, "a+b=c"),
	ROW("a+20b", 1, "a b"),
	ROW("+7E", 1, "~"),
	ROW("+", 0, "+"),
	ROW("+4", 0, "+4"),
	ROW("a+4", 0, "a+4"),
	ROW("+2b", 0, "+2b"), /* digits must be capital */
	ROW("+GG", 0, "+GG"),
	ROW("a=b", 0, "a=b"),
	ROW("a b", 0, "a b"),
	ROW("a\tb", 0, "a?b"),
	ROW("a\0b", 0, "a?b"),
	ROW("\x7f", 0, "?"),
	ROW("\xc3\xbc", 0, "??"),
	ROW("+00", 0, "?"),
	ROW("+0D+0A", 0, "??"),
	ROW("+1F", 0, "?"),
	ROW("+7F", 0, "?"),
	ROW("+80", 0, "?"),
	ROW("+FF", 0, "?"),
};

int
main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct span text = span(rows[i].text, rows[i].len);
		stralloc out = STRALLOC_ZERO;

		ok(xtext_is_good(text) == rows[i].good, "row %zu", i);
		ok(xtext_append_decoded(&out, text) == 1, "  can be decoded");
		same(out.s, out.len, rows[i].decoded, strlen(rows[i].decoded), "  to this");
		stralloc_free(&out);
	}
	return tap_end();
}
