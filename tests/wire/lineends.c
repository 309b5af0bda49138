#include "wire/lineends.h"

#include <stdlib.h>

#include "tests/tap.h"

static struct {
	char const *text, *want;
} const cases[] = {
	{"", ""},
	{"a", "a\n"},
	{"a\n", "a\n"},
	{"\n", "\n"},
	{"a\nb", "a\nb\n"},
	{"a\r\n", "a\n"},
	{"a\r\nb\r\n", "a\nb\n"},
	{"a\r\r\n", "a\n"},
	{"a\r\r\r\nb", "a\nb\n"},
	{"\r\n", "\n"},
	{"\r\n\r\n", "\n\n"},
	{"a\rb", "a b\n"},
	{"a\r\rb", "a  b\n"},
	{"\ra", " a\n"},
	{"a\r", "a \n"},
	{"\r", " \n"},
	{"a\n\r", "a\n \n"},
	{"a\n\rb\n", "a\n b\n"},
	{"a\r\n\r.\r\n", "a\n .\n"},
	{"\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\rx",
		"                                  x\n"},
};

/* Converts the text in pieces of at most size bytes. */
static size_t
convert(char *out, char const *text, size_t len, size_t size)
{
	struct lineends state = LINEENDS_ZERO;
	struct span run;
	size_t n = 0;

	for (size_t at = 0; at < len; at += size) {
		struct span piece = span(text + at, len - at < size ? len - at : size);

		while ((run = lineends_next(&state, &piece)).len) {
			memcpy(out + n, run.s, run.len);
			n += run.len;
		}
	}
	while ((run = lineends_end(&state)).len) {
		memcpy(out + n, run.s, run.len);
		n += run.len;
	}
	return n;
}

int
main(void)
{
	char out[256];
	char name[128];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t size = 1; size <= 64; size = size < 3 ? size + 1 : size * 8) {
			size_t n = convert(out, cases[i].text, strlen(cases[i].text), size);

			snprintf(name, sizeof name, "case %zu in pieces of %zu", i, size);
			same(out, n, cases[i].want, strlen(cases[i].want), name);
		}
	same(out, convert(out, "a\0\r\0b", 5, 2), "a\0 \0b\n", 6, "NUL bytes stay");
	return tap_end();
}
