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
static enum data_state const next[][CLASSES] = {
	/*                   OTHER         DOT           CR            LF               NUL */
	[DATA_LINE_START] = {DATA_TEXT,    DATA_DOT,     DATA_CR,      DATA_BARE_LF,    DATA_NUL},
	[DATA_TEXT]       = {DATA_TEXT,    DATA_TEXT,    DATA_CR,      DATA_BARE_LF,    DATA_NUL},
	[DATA_CR]         = {DATA_BARE_CR, DATA_BARE_CR, DATA_BARE_CR, DATA_LINE_START, DATA_NUL},
	[DATA_DOT]        = {DATA_TEXT,    DATA_TEXT,    DATA_DOT_CR,  DATA_BARE_LF,    DATA_NUL},
	[DATA_DOT_CR]     = {DATA_BARE_CR, DATA_BARE_CR, DATA_BARE_CR, DATA_END,        DATA_NUL},
};
/* clang-format on */

void
data_reader_init(struct data_reader *reader)
{
	reader->state = DATA_LINE_START;
	reader->size = 0;
}

/* The length of the bytes at s that are neither CR, LF nor NUL: most of any message. */
static size_t
plain(char const *s, size_t len)
{
	size_t n = 0;

	while (n < len && class_of[(unsigned char)s[n]] <= DOT)
		n++;
	return n;
}

size_t
data_reader_take(struct data_reader *reader, struct span in, char *out, size_t *out_len)
{
	size_t taken = 0, put = 0;

	while (taken < in.len && reader->state < DATA_END) {
		char c = in.s[taken];

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
		reader->state = next[reader->state][class_of[(unsigned char)c]];
		taken++;
		if (reader->state == DATA_TEXT) {
			out[put++] = c;
			reader->size++;
		} else if (reader->state == DATA_LINE_START) {
			out[put++] = '\n';
			reader->size += 2;
		}
	}
	*out_len = put;
	return taken;
}
