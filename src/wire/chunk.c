#include "wire/chunk.h"

#include "lib/number.h"

int
chunk_parse(struct chunk *chunk, struct span argument)
{
	struct span rest = argument;
	uint64_t size;

	if (number_parse(span_cut(&rest, ' '), UINT64_MAX, &size) == -1)
		return -1;
	if (rest.len && !span_case_equal(rest, SPAN_LITERAL("LAST")))
		return -1;
	if (rest.len == 0 && span_find(argument, ' ') < argument.len)
		return -1;
	chunk->size = size;
	chunk->last = rest.len != 0;
	return 0;
}
