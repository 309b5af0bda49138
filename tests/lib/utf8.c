#include "lib/utf8.h"

#include "tests/tap.h"

static struct {
	char const *text;
	size_t len;
	int valid;
	int ascii;
} const rows[] = {
#define ROW(text, valid, ascii)                                                                    \
	{                                                                                          \
		text, sizeof text - 1, valid, ascii                                                \
	}
	ROW("", 1, 1),
	ROW("a\0\x7f", 1, 1),
	ROW("\xc2\x80", 1, 0),
	ROW("\xdf\xbf", 1, 0),
	ROW("\xe0\xa0\x80", 1, 0),
	ROW("\xef\xbf\xbf", 1, 0),
	ROW("\xf0\x90\x80\x80", 1, 0),
	ROW("\xf4\x8f\xbf\xbf", 1, 0),
	ROW("x\xc3\xbcx", 1, 0),
	ROW("\x80", 0, 0),
	ROW("\xc3", 0, 0),
	ROW("\xc3x", 0, 0),
	ROW("\xc1\xbf", 0, 0),         /* overlong */
	ROW("\xe0\x9f\xbf", 0, 0),     /* overlong */
	ROW("\xf0\x8f\xbf\xbf", 0, 0), /* overlong */
	ROW("\xed\xa0\x80", 0, 0),     /* surrogate */
	ROW("\xed\xbf\xbf", 0, 0),     /* surrogate */
	ROW("\xf4\x90\x80\x80", 0, 0), /* too large */
	ROW("\xf5\x80\x80\x80", 0, 0),
	ROW("\xe2\x82", 0, 0),
	ROW("\xff", 0, 0),
};

/* One byte that is not ASCII, at each place of texts of each length around a step of the search. */
static void
check_each_place(void)
{
	char text[20];
	int good = 1;

	for (size_t len = 0; len <= sizeof text; len++)
		for (size_t at = 0; at < len; at++) {
			memset(text, '\x7f', len);
			good &= utf8_is_ascii(span(text, len));
			text[at] = '\x80';
			good &= !utf8_is_ascii(span(text, len));
		}
	ok(good, "a byte that is not ASCII is found wherever it stands");
}

int
main(void)
{
	struct span text = SPAN_LITERAL("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa7");

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct span s = span(rows[i].text, rows[i].len);

		ok(utf8_is_valid(s) == rows[i].valid && utf8_is_ascii(s) == rows[i].ascii,
			"row %zu", i);
	}
	ok(utf8_next(&text) == 'a' && utf8_next(&text) == 0xfc && utf8_next(&text) == 0x20ac &&
			utf8_next(&text) == 0x1f4e7 && text.len == 0,
		"one character after another");
	check_each_place();
	return tap_end();
}
