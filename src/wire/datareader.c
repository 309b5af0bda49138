#include "wire/datareader.h"

enum class { OTHER, DOT, CR, LF, NUL, CLASSES };

static enum class const class_of[256] = {
	['\0'] = NUL,
	['\r'] = CR,
	['\n'] = LF,
	['.'] = DOT,
};

/* clang-format off */
/* Only text and line ends come out; which, follows from the state entered and left. */
static enum data_state const next[DATA_LF_KINDS][DATA_END][CLASSES] = {
	[DATA_LF_REFUSED] = {
	/*                      OTHER         DOT                CR            LF                  NUL */
	[DATA_LINE_START]    = {DATA_TEXT,    DATA_DOT,          DATA_CR,      DATA_BARE_LF,       DATA_NUL},
	[DATA_TEXT]          = {DATA_TEXT,    DATA_TEXT,         DATA_CR,      DATA_BARE_LF,       DATA_NUL},
	[DATA_CR]            = {DATA_BARE_CR, DATA_BARE_CR,      DATA_BARE_CR, DATA_LINE_START,    DATA_NUL},
	[DATA_DOT]           = {DATA_TEXT,    DATA_TEXT,         DATA_DOT_CR,  DATA_BARE_LF,       DATA_NUL},
	[DATA_DOT_CR]        = {DATA_BARE_CR, DATA_BARE_CR,      DATA_BARE_CR, DATA_END,           DATA_NUL},
	},
	[DATA_LF_LINES] = {
	[DATA_LINE_START]    = {DATA_TEXT,    DATA_DOT,          DATA_CR,      DATA_LINE_REPAIRED, DATA_NUL},
	[DATA_TEXT]          = {DATA_TEXT,    DATA_TEXT,         DATA_CR,      DATA_LINE_REPAIRED, DATA_NUL},
	[DATA_CR]            = {DATA_BARE_CR, DATA_BARE_CR,      DATA_BARE_CR, DATA_LINE_START,    DATA_NUL},
	[DATA_DOT]           = {DATA_TEXT,    DATA_TEXT,         DATA_DOT_CR,  DATA_LINE_REPAIRED, DATA_NUL},
	[DATA_DOT_CR]        = {DATA_BARE_CR, DATA_BARE_CR,      DATA_BARE_CR, DATA_END,           DATA_NUL},
	[DATA_LINE_REPAIRED] = {DATA_TEXT,    DATA_DOT_REPAIRED, DATA_CR,      DATA_LINE_REPAIRED, DATA_NUL},
	[DATA_DOT_REPAIRED]  = {DATA_TEXT,    DATA_TEXT,         DATA_CR,      DATA_LINE_REPAIRED, DATA_NUL},
	},
	[DATA_LF_ALL] = {
	[DATA_LINE_START]    = {DATA_TEXT,    DATA_DOT,          DATA_CR,      DATA_LINE_START,    DATA_NUL},
	[DATA_TEXT]          = {DATA_TEXT,    DATA_TEXT,         DATA_CR,      DATA_LINE_START,    DATA_NUL},
	[DATA_CR]            = {DATA_BARE_CR, DATA_BARE_CR,      DATA_BARE_CR, DATA_LINE_START,    DATA_NUL},
	[DATA_DOT]           = {DATA_TEXT,    DATA_TEXT,         DATA_DOT_CR,  DATA_END,           DATA_NUL},
	[DATA_DOT_CR]        = {DATA_BARE_CR, DATA_BARE_CR,      DATA_BARE_CR, DATA_END,           DATA_NUL},
	},
};
/* clang-format on */

void
data_reader_init(
	struct data_reader *reader, enum data_framing framing, enum data_line_feed line_feed)
{
	reader->state = DATA_LINE_START;
	reader->framing = framing;
	reader->line_feed = line_feed;
	reader->size = 0;
}

/*
 * The length of the bytes at s that are neither CR, LF nor NUL: most of any
 * message. LF first, so that no search goes beyond the line.
 */
static size_t
plain(char const *s, size_t len)
{
	len = span_find(span(s, len), '\n');
	len = span_find(span(s, len), '\r');
	return span_find(span(s, len), '\0');
}

size_t
data_reader_take(struct data_reader *reader, struct span in, char *out, size_t *out_len)
{
	enum data_state const(*table)[CLASSES] = next[reader->line_feed];
	size_t taken = 0, put = 0;

	while (taken < in.len && reader->state < DATA_END) {
		char c = in.s[taken];
		enum class class;

		if (reader->state == DATA_TEXT) {
			size_t n = plain(in.s + taken, in.len - taken);

			memcpy(out + put, in.s + taken, n);
			put += n;
			reader->size += n;
			taken += n;
			if (taken == in.len)
				break;
			c = in.s[taken];
		}
		class = class_of[(unsigned char)c];
		if (class == DOT && reader->framing == DATA_CHUNKS)
			class = OTHER;
		reader->state = table[reader->state][class];
		taken++;
		if (reader->state == DATA_TEXT) {
			out[put++] = c;
			reader->size++;
		} else if (reader->state == DATA_LINE_START ||
			   reader->state == DATA_LINE_REPAIRED) {
			out[put++] = '\n';
			reader->size += 2;
		}
	}
	*out_len = put;
	return taken;
}

int
data_reader_finish(struct data_reader *reader, int *missing)
{
	*missing = 0;
	if (reader->state == DATA_CR)
		reader->state = DATA_BARE_CR;
	if (reader->state >= DATA_END)
		return -1;
	if (reader->state == DATA_TEXT)
		*missing = 2;
	reader->state = DATA_END;
	return 0;
}
