#include <stdint.h>
#include <stdlib.h>

#include "wire/datareader.h"

/*
 * The rule of RFC 5321 by whole text: where the first violation or the end is,
 * and the lines that are complete before it, which out has room for.
 */
static enum data_state
reference(char const *s, size_t len, size_t *end, char *out, size_t *out_len)
{
	size_t line = 0;

	*out_len = 0;
	for (size_t i = 0; i < len; i++) {
		*end = i + 1;
		if (s[i] == '\0')
			return DATA_NUL;
		if (i > 0 && s[i - 1] == '\r' && s[i] != '\n')
			return DATA_BARE_CR;
		if (s[i] == '\n') {
			if (i == 0 || s[i - 1] != '\r')
				return DATA_BARE_LF;
			if (i - line == 2 && s[line] == '.')
				return DATA_END;
			line += s[line] == '.';
			memcpy(out + *out_len, s + line, i - 1 - line);
			*out_len += i - line;
			out[*out_len - 1] = '\n';
			line = i + 1;
		}
	}
	*end = len;
	return DATA_TEXT; /* not ended */
}

/* Whatever the kind of reader: no CR and no NUL comes out, and pieces make no difference. */
static void
others_try(char const *s, size_t size, size_t piece)
{
	for (int kind = 0; kind < 2 * DATA_LF_KINDS; kind++) {
		struct data_reader whole, pieces;
		size_t out_whole, out_pieces = 0, total = 0;
		char *text = malloc(2 * size + 1), *other = text + size;

		data_reader_init(&whole, kind % 2 ? DATA_CHUNKS : DATA_DOTS,
			(enum data_line_feed)(kind / 2));
		pieces = whole;
		data_reader_take(&whole, span(s, size), text, &out_whole);
		while (total < size && pieces.state < DATA_END) {
			size_t n = size - total < piece ? size - total : piece, out;

			total += data_reader_take(
				&pieces, span(s + total, n), other + out_pieces, &out);
			out_pieces += out;
		}
		if (whole.state != pieces.state || out_whole != out_pieces ||
			memcmp(text, other, out_whole) != 0 || memchr(text, '\r', out_whole) ||
			memchr(text, '\0', out_whole))
			abort();
		free(text);
	}
}

/* The first byte says how large the pieces are. */
int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct data_reader reader;
	size_t piece, total = 0, end = 0, put = 0, lines_len;
	char const *s = (char const *)data + 1;
	enum data_state want;
	char *lines, *got;

	if (size < 2)
		return 0;
	piece = data[0] % 17 + 1u;
	size--;
	others_try(s, size, piece);
	lines = malloc(2 * size);
	got = lines + size;
	want = reference(s, size, &end, lines, &lines_len);
	data_reader_init(&reader, DATA_DOTS, DATA_LF_REFUSED);
	while (total < size && reader.state < DATA_END) {
		size_t n = size - total < piece ? size - total : piece, out;
		char *text = malloc(n);
		size_t taken = data_reader_take(&reader, span(s + total, n), text, &out);

		if (out > n || taken > n || memchr(text, '\r', out) || memchr(text, '\0', out))
			abort();
		memcpy(got + put, text, out);
		put += out;
		total += taken;
		free(text);
	}
	if (put < lines_len || memcmp(got, lines, lines_len) != 0 ||
		(want == DATA_END && put != lines_len))
		abort();
	free(lines);
	if (total != end || (want >= DATA_END ? reader.state != want : reader.state >= DATA_END))
		abort();
	return 0;
}
