#include "wire/datareader.h"

#include "tests/tap.h"

/* What follows "line" in the text; END stands for \r\n.\r\n and a second envelope. */
static struct {
	char const *name;
	char const *sequence;
	size_t len;
	enum data_state state;
	char const *out; /* when accepted: what came of it */
} const rows[] = {
#define ROW(sequence, state, out)                                                                  \
	{                                                                                          \
#sequence, sequence, sizeof sequence - 1, state, out                               \
	}
	/* other servers' ends of data */
	ROW("\n.\n", DATA_BARE_LF, NULL),
	ROW("\n.\r\n", DATA_BARE_LF, NULL),
	ROW("\r\n.\n", DATA_BARE_LF, NULL),
	ROW("\n.\r", DATA_BARE_LF, NULL),
	ROW("\r.\r", DATA_BARE_CR, NULL),
	ROW("\r.\r\n", DATA_BARE_CR, NULL),
	ROW("\r.\n", DATA_BARE_CR, NULL),
	ROW("\r\n.\r\r\n", DATA_BARE_CR, NULL),
	ROW("\r\r\n.\r\r\n", DATA_BARE_CR, NULL),
	ROW("\r\r\n.\r\n", DATA_BARE_CR, NULL),
	ROW("\n.\r\r\n", DATA_BARE_LF, NULL),
	ROW("\n\n.\n\n", DATA_BARE_LF, NULL),
	ROW("\r\n.\n\n", DATA_BARE_LF, NULL),
	ROW("\n\r.\r\n", DATA_BARE_LF, NULL),
	ROW("\r\n.\r\0\n", DATA_NUL, NULL),
	ROW("\r\n.\0\r\n", DATA_NUL, NULL),
	ROW("\r\n\0.\r\n", DATA_NUL, NULL),
	ROW("\r\n\0.\0\r\n", DATA_NUL, NULL),
	ROW("\r\n.\rx\r\n", DATA_BARE_CR, NULL),
	ROW("\rx", DATA_BARE_CR, NULL),
	ROW("\0", DATA_NUL, NULL),
	ROW("\r\0", DATA_NUL, NULL),
	/* text that is only text */
	ROW("", DATA_END, "line\n"),
	ROW("\r\n. ", DATA_END, "line\n \n"),
	ROW("\r\n.\t", DATA_END, "line\n\t\n"),
	ROW("\r\n .", DATA_END, "line\n .\n"),
	ROW("\r\n..", DATA_END, "line\n.\n"),
	ROW("\r\n...", DATA_END, "line\n..\n"),
	ROW("\r\n.x", DATA_END, "line\nx\n"),
	ROW("\r\n..\r\n..x", DATA_END, "line\n.\n.x\n"),
	ROW("\r\n\r\n", DATA_END, "line\n\n\n"),
	ROW("\x0b.\x0b", DATA_END, "line\x0b.\x0b\n"),
	ROW("\x0c.\x0c", DATA_END, "line\x0c.\x0c\n"),
	ROW("\x85.\x85", DATA_END, "line\x85.\x85\n"),
	ROW("\xe2\x80\xa8.\xe2\x80\xa8", DATA_END, "line\xe2\x80\xa8.\xe2\x80\xa8\n"),
};

static char const tail[] = "\r\n.\r\nMAIL FROM:<second@example.org>\r\n";

static enum data_framing framing = DATA_DOTS;
static enum data_line_feed line_feed = DATA_LF_REFUSED;

static struct {
	char text[512];
	size_t len;
	size_t taken;
	struct data_reader reader;
} got;

static void
feed(char const *s, size_t len)
{
	size_t out, taken;

	if (got.reader.state >= DATA_END)
		return;
	taken = data_reader_take(&got.reader, span(s, len), got.text + got.len, &out);
	got.taken += taken;
	got.len += out;
}

static int
as_expected(size_t row, size_t input_len)
{
	if (got.reader.state != rows[row].state)
		return 0;
	if (!rows[row].out)
		return got.taken <= 4 + rows[row].len;
	return got.len == strlen(rows[row].out) && memcmp(got.text, rows[row].out, got.len) == 0 &&
	       input_len - got.taken == sizeof tail - 6;
}

static void
start(void)
{
	got.len = got.taken = 0;
	data_reader_init(&got.reader, framing, line_feed);
}

static void
check_row(size_t row)
{
	char input[512];
	size_t len = 4;
	int good = 1;

	memcpy(input, "line", 4);
	memcpy(input + len, rows[row].sequence, rows[row].len);
	len += rows[row].len;
	memcpy(input + len, tail, sizeof tail - 1);
	len += sizeof tail - 1;

	for (size_t a = 0; a <= len; a++)
		for (size_t b = a; b <= len; b++) {
			start();
			feed(input, a);
			feed(input + a, b - a);
			feed(input + b, len - b);
			good &= as_expected(row, len);
		}
	start();
	for (size_t i = 0; i < len; i++)
		feed(input + i, 1);
	good &= as_expected(row, len);
	ok(good, "line%s at every split", rows[row].name);
}

static void
check_text(char const *name, char const *input, char const *out, uint64_t size)
{
	start();
	feed(input, strlen(input));
	same(got.text, got.len, out, strlen(out), name);
	ok(got.reader.state == DATA_END && got.reader.size == size, "%s: counts as %llu bytes",
		name, (unsigned long long)size);
}

/* What other readers of the same input do: the whole text, its state, what is left. */
static struct {
	enum data_framing framing;
	enum data_line_feed line_feed;
	char const *input;
	size_t len;
	enum data_state state;
	char const *out;
	size_t left;
} const others[] = {
#define OTHER(framing, line_feed, input, state, out, left)                                         \
	{                                                                                          \
		framing, line_feed, input, sizeof input - 1, state, out, left                      \
	}
	/* an LF alone ends lines and never the text */
	OTHER(DATA_DOTS, DATA_LF_LINES, "a\nb\r\n.\r\nx", DATA_END, "a\nb\n", 1),
	OTHER(DATA_DOTS, DATA_LF_LINES, "\n\n.\r\n.\r\n", DATA_END, "\n\n\n", 0),
	OTHER(DATA_DOTS, DATA_LF_LINES, "a\n.\nb\r\n.\r\n", DATA_END, "a\n\nb\n", 0),
	OTHER(DATA_DOTS, DATA_LF_LINES, "a\n.\r\nb\r\n.\r\n", DATA_END, "a\n\nb\n", 0),
	OTHER(DATA_DOTS, DATA_LF_LINES, "a\r\n.\nb\r\n.\r\n", DATA_END, "a\n\nb\n", 0),
	OTHER(DATA_DOTS, DATA_LF_LINES, "a\n..b\n..\r\n.\r\n", DATA_END, "a\n.b\n.\n", 0),
	OTHER(DATA_DOTS, DATA_LF_LINES, "a\n.\r\n", DATA_LINE_START, "a\n\n", 0),
	OTHER(DATA_DOTS, DATA_LF_LINES, "a\r\r\n", DATA_BARE_CR, "a", 1),
	OTHER(DATA_DOTS, DATA_LF_LINES, "a\n\rb", DATA_BARE_CR, "a\n", 0),
	OTHER(DATA_DOTS, DATA_LF_LINES, "a\n\0", DATA_NUL, "a\n", 0),
	/* for devices that know no CR */
	OTHER(DATA_DOTS, DATA_LF_ALL, "a\nb\n.\nx", DATA_END, "a\nb\n", 1),
	OTHER(DATA_DOTS, DATA_LF_ALL, "a\n..b\n.\r\nx", DATA_END, "a\n.b\n", 1),
	OTHER(DATA_DOTS, DATA_LF_ALL, "a\r\n.\nx", DATA_END, "a\n", 1),
	OTHER(DATA_DOTS, DATA_LF_ALL, "a\r\r\n", DATA_BARE_CR, "a", 1),
	OTHER(DATA_DOTS, DATA_LF_ALL, "a\0", DATA_NUL, "a", 0),
	/* BDAT: dots are text */
	OTHER(DATA_CHUNKS, DATA_LF_REFUSED, "a\r\n.\r\n..b\r\n", DATA_LINE_START, "a\n.\n..b\n", 0),
	OTHER(DATA_CHUNKS, DATA_LF_REFUSED, "a\n", DATA_BARE_LF, "a", 0),
	OTHER(DATA_CHUNKS, DATA_LF_REFUSED, "a\rb", DATA_BARE_CR, "a", 0),
	OTHER(DATA_CHUNKS, DATA_LF_REFUSED, "a\r\n.\r\r\n", DATA_BARE_CR, "a\n.", 1),
	OTHER(DATA_CHUNKS, DATA_LF_REFUSED, "a\0", DATA_NUL, "a", 0),
	OTHER(DATA_CHUNKS, DATA_LF_LINES, "a\n.\n", DATA_LINE_REPAIRED, "a\n.\n", 0),
	OTHER(DATA_CHUNKS, DATA_LF_ALL, "a\n.\n", DATA_LINE_START, "a\n.\n", 0),
};

static void
check_other(size_t i)
{
	int good = 1;

	framing = others[i].framing;
	line_feed = others[i].line_feed;
	for (size_t split = 0; split <= others[i].len; split++) {
		start();
		feed(others[i].input, split);
		feed(others[i].input + split, others[i].len - split);
		good &= got.reader.state == others[i].state && got.len == strlen(others[i].out) &&
			memcmp(got.text, others[i].out, got.len) == 0 &&
			others[i].len - got.taken == others[i].left;
	}
	ok(good, "another reader, row %zu", i);
}

static void
check_finish(char const *input, int result, int missing)
{
	int lacks = -1, r;

	framing = DATA_CHUNKS;
	line_feed = DATA_LF_REFUSED;
	start();
	feed(input, strlen(input));
	r = data_reader_finish(&got.reader, &lacks);
	ok(r == result && lacks == missing, "the last chunk ends in '%s'", input);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		check_row(i);
	check_text("an empty message", ".\r\n", "", 0);
	check_text("one empty line", "\r\n.\r\n", "\n", 2);
	check_text("a dot is not counted when it was added", "..\r\n.\r\n", ".\n", 3);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		check_other(i);
	check_finish("", 0, 0);
	check_finish("a\r\n", 0, 0);
	check_finish("a", 0, 2);
	check_finish("a\r", -1, 0);
	check_finish("\r", -1, 0);
	return tap_end();
}
