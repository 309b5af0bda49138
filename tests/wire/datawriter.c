#include "wire/datawriter.h"

#include "tests/tap.h"

/*
 * The encoder against what must hold of it, over all texts of up to eight
 * bytes, each cut in two at every place.
 */
enum { LENGTH_MAX = 8 };

static char const letters[] = {'\r', '\n', '.', 'x'};

static size_t
encode_as(enum datawriter_form form, char *out, struct span a, struct span b)
{
	static stralloc sa;
	struct datawriter writer = DATAWRITER_ZERO;

	writer.form = form;
	sa.len = 0;
	datawriter_put(&writer, &sa, a);
	datawriter_put(&writer, &sa, b);
	datawriter_end(&writer, &sa);
	memcpy(out, sa.s, sa.len);
	return sa.len;
}

static size_t
encode(char *out, struct span a, struct span b)
{
	return encode_as(DATAWRITER_DOTS, out, a, b);
}

/* What the text means: CR LF is a line end, another CR a blank, the last line ends. */
static size_t
canonical(char *out, char const *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] != '\r')
			out[n++] = s[i];
		else if (i + 1 == len || s[i + 1] != '\n')
			out[n++] = ' ';
	}
	if (n && out[n - 1] != '\n')
		out[n++] = '\n';
	return n;
}

/* A receiver by the book. Returns the length of the text, or -1 when anything is odd. */
static int
decode(char *out, char const *s, size_t len)
{
	size_t n = 0, i = 0;

	for (;;) {
		size_t line = i;

		while (i < len && s[i] != '\r' && s[i] != '\n')
			i++;
		if (i + 2 > len || s[i] != '\r' || s[i + 1] != '\n')
			return -1;
		i += 2;
		if (i - line == 3 && s[line] == '.')
			return i == len ? (int)n : -1;
		if (s[line] == '.')
			line++;
		memcpy(out + n, s + line, i - line - 2);
		n += i - line - 2;
		out[n++] = '\n';
	}
}

/* In a chunk each line end is CR LF, and nothing else is changed. */
static int
chunk_holds(char const *s, size_t len, char const *want, size_t want_len)
{
	char whole[64], text[64];
	size_t n = encode_as(
		DATAWRITER_CHUNK, whole, span(s, len / 2), span(s + len / 2, len - len / 2));
	size_t text_len = 0;

	for (size_t i = 0; i < n; i++) {
		if (whole[i] == '\n' && (i == 0 || whole[i - 1] != '\r'))
			return 0;
		if (whole[i] == '\r' && (i + 1 == n || whole[i + 1] != '\n'))
			return 0;
		if (whole[i] != '\r')
			text[text_len++] = whole[i];
	}
	return text_len == want_len && memcmp(text, want, want_len) == 0;
}

static int
holds(char const *s, size_t len)
{
	char whole[64], pieces[64], text[64], want[64];
	size_t n = encode(whole, span(s, len), span(s, 0));
	size_t want_len = canonical(want, s, len);
	int got = decode(text, whole, n);

	if (got < 0 || (size_t)got != want_len || memcmp(text, want, want_len) != 0)
		return 0;
	if (!chunk_holds(s, len, want, want_len))
		return 0;
	for (size_t cut = 0; cut <= len; cut++)
		if (encode(pieces, span(s, cut), span(s + cut, len - cut)) != n ||
			memcmp(pieces, whole, n) != 0)
			return 0;
	return 1;
}

static void
every_text(void)
{
	for (size_t len = 0; len <= LENGTH_MAX; len++) {
		unsigned long count = 1ul << (2 * len), bad = 0;

		for (unsigned long number = 0; number < count; number++) {
			char s[LENGTH_MAX + 1];

			for (size_t i = 0; i < len; i++)
				s[i] = letters[number >> (2 * i) & 3];
			bad += !holds(s, len);
		}
		ok(bad == 0, "all %lu texts of %zu bytes", count, len);
	}
}

static struct {
	char const *text, *want, *name;
} const cases[] = {
	{"", ".\r\n", "an empty message"},
	{"a\n", "a\r\n.\r\n", "a line"},
	{"a", "a\r\n.\r\n", "a missing line end"},
	{".\n", "..\r\n.\r\n", "a lone dot"},
	{"..\n.a\n", "...\r\n..a\r\n.\r\n", "dots at the start of lines"},
	{"a.\n", "a.\r\n.\r\n", "a dot elsewhere"},
	{"a\r\n.\r\nb\n", "a\r\n..\r\nb\r\n.\r\n", "CR LF line ends"},
	{"a\r.\rb\n", "a . b\r\n.\r\n", "bare CRs around a dot"},
	{"a\r\r\n", "a \r\n.\r\n", "CR CR LF"},
	{"a\r", "a \r\n.\r\n", "a CR at the end"},
};

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char out[64];
		size_t n = encode(out, span_string(cases[i].text), span("", 0));

		same(out, n, cases[i].want, strlen(cases[i].want), cases[i].name);
	}
	char chunk[64];
	size_t n = encode_as(DATAWRITER_CHUNK, chunk, SPAN_LITERAL(".\n..a"), SPAN_LITERAL("\r"));

	same(chunk, n, ".\r\n..a \r\n", 9, "dots and a CR in a chunk");
	every_text();
	return tap_end();
}
