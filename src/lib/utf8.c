#include "lib/utf8.h"

#include <stdint.h>

/* The length of a sequence by its first byte, and the least code point it may stand for. */
static size_t
sequence_length(unsigned char first, unsigned long *least)
{
	*least = 0;
	if (first < 0x80)
		return 1;
	*least = 0x80;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	*least = 0x800;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	*least = 0x10000;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* Returns the length of the sequence at s, which stands for *code; 0 when it is none. */
static size_t
sequence_read(struct span s, unsigned long *code)
{
	unsigned char first = (unsigned char)s.s[0];
	unsigned long least;
	size_t len = sequence_length(first, &least);

	if (len == 0 || len > s.len)
		return 0;
	*code = len == 1 ? first : first & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		unsigned char c = (unsigned char)s.s[i];

		if ((c & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (c & 0x3f);
	}
	if (*code < least || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return len;
}

int
utf8_is_valid(struct span s)
{
	while (s.len) {
		unsigned long code;
		size_t len = sequence_read(s, &code);

		if (len == 0)
			return 0;
		s = span(s.s + len, s.len - len);
	}
	return 1;
}

int
utf8_is_ascii(struct span s)
{
	uint64_t eight, seen = 0;

	for (; s.len >= sizeof eight; s = span(s.s + sizeof eight, s.len - sizeof eight)) {
		memcpy(&eight, s.s, sizeof eight);
		seen |= eight;
	}
	for (size_t i = 0; i < s.len; i++)
		seen |= (unsigned char)s.s[i];
	return (seen & UINT64_C(0x8080808080808080)) == 0;
}

unsigned long
utf8_next(struct span *s)
{
	unsigned long code = 0;
	size_t len = sequence_read(*s, &code);

	if (len == 0)
		len = 1;
	*s = span(s->s + len, s->len - len);
	return code;
}
