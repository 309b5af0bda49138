#include "wire/hopcount.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The definition, of a whole message: lines of the header named Received or Delivered-To. */
static unsigned
reference(struct span message)
{
	unsigned hops = 0;

	while (message.len) {
		struct span line = span_cut(&message, '\n');
		size_t name = 0;

		if (line.len == 0)
			break;
		while (name < line.len && line.s[name] != ':' && line.s[name] != ' ' &&
			line.s[name] != '\t')
			name++;
		if (!span_case_equal(span(line.s, name), SPAN_LITERAL("received")) &&
			!span_case_equal(span(line.s, name), SPAN_LITERAL("delivered-to")))
			continue;
		while (name < line.len && (line.s[name] == ' ' || line.s[name] == '\t'))
			name++;
		hops += name < line.len && line.s[name] == ':';
	}
	return hops;
}

/* The first byte says how large the pieces are. */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct hopcount pieces = HOPCOUNT_ZERO, whole = HOPCOUNT_ZERO;
	struct span rest;
	size_t piece;

	if (size == 0)
		return 0;
	piece = data[0] % 20 + 1u;
	rest = span((char const *)data + 1, size - 1);
	hopcount_take(&whole, rest);
	if (whole.hops != reference(rest))
		abort();
	while (rest.len) {
		size_t n = rest.len < piece ? rest.len : piece;

		hopcount_take(&pieces, span(rest.s, n));
		rest = span(rest.s + n, rest.len - n);
	}
	if (pieces.hops != whole.hops || pieces.eight_bit != whole.eight_bit)
		abort();
	return 0;
}
