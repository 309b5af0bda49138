#include "remote/source.h"

#include <errno.h>

#include "lib/durable.h"

void
source_init(struct source *source, int fd, uint64_t length)
{
	source->fd = fd;
	source->length = length;
	source->have = 0;
}

int
source_block(struct source *source, uint64_t offset, struct span *block)
{
	uint64_t left = source->length - offset;
	size_t want = left < SOURCE_BLOCK ? (size_t)left : SOURCE_BLOCK;

	if (source->have != want || source->offset != offset) {
		ssize_t got = durable_read_at(source->fd, source->block, want, (size_t)offset);

		source->have = 0;
		if (got == -1)
			return -1;
		if ((size_t)got != want) {
			errno = EIO;
			return -1;
		}
		source->have = want;
		source->offset = offset;
	}
	*block = span(source->block, want);
	return 0;
}

static uint64_t
line_ends(struct span text)
{
	uint64_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += text.s[i] == '\n';
	return n;
}

int
source_wire_size(struct source *source, uint64_t *size)
{
	struct span block = {"\n", 1};

	*size = source->length;
	for (uint64_t offset = 0; offset < source->length; offset += block.len) {
		if (source_block(source, offset, &block) == -1)
			return -1;
		*size += line_ends(block);
	}
	if (block.s[block.len - 1] != '\n')
		*size += 2;
	return 0;
}
