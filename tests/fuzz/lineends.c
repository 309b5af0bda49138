/* What comes out of lineends.h: no CR, ends in LF, and does not depend on the pieces. */
#include <stdint.h>
#include <stdlib.h>

#include <skalibs/stralloc.h>

#include "wire/lineends.h"

static void
convert(stralloc *out, char const *s, size_t len, size_t size)
{
	struct lineends state = LINEENDS_ZERO;
	struct span run;

	for (size_t at = 0; at < len; at += size) {
		struct span piece = span(s + at, len - at < size ? len - at : size);

		while ((run = lineends_next(&state, &piece)).len)
			if (!stralloc_catb(out, run.s, run.len))
				abort();
	}
	while ((run = lineends_end(&state)).len)
		if (!stralloc_catb(out, run.s, run.len))
			abort();
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	stralloc whole = STRALLOC_ZERO, pieces = STRALLOC_ZERO;
	char const *s = (char const *)data;

	convert(&whole, s, size, size + 1);
	convert(&pieces, s, size, 1 + size % 5);
	if (!span_equal(span(whole.s, whole.len), span(pieces.s, pieces.len)))
		abort();
	if (span_find(span(whole.s, whole.len), '\r') != whole.len)
		abort();
	if (size && (whole.len == 0 || whole.s[whole.len - 1] != '\n'))
		abort();
	if (whole.len > size + 1)
		abort();
	stralloc_free(&whole);
	stralloc_free(&pieces);
	return 0;
}
