#include <stdint.h>
#include <stdlib.h>

#include "wire/datareader.h"

/* The rule of RFC 5321 by whole text: where the first violation or the end is. */
static enum data_state
reference(char const *s, size_t len, size_t *end)
{
	size_t line = 0;

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
			line = i + 1;
		}
	}
	*end = len;
	return DATA_TEXT; /* not ended */
}

/* The first byte says how large the pieces are. */
int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct data_reader reader;
	size_t piece, total = 0, end = 0;
	char const *s = (char const *)data + 1;
	enum data_state want;

	if (size < 2)
		return 0;
	piece = data[0] % 17 + 1u;
	size--;
	want = reference(s, size, &end);
	data_reader_init(&reader);
	while (total < size && reader.state < DATA_END) {
		size_t n = size - total < piece ? size - total : piece, out;
		char *text = malloc(n);
		size_t taken = data_reader_take(&reader, span(s + total, n), text, &out);

		if (out > n || taken > n || memchr(text, '\r', out) || memchr(text, '\0', out))
			abort();
		total += taken;
		free(text);
	}
	if (total != end || (want >= DATA_END ? reader.state != want : reader.state >= DATA_END))
		abort();
	return 0;
}
