#include "lib/crc32c.h"

#include <string.h>

/* Eight bytes a step by eight tables; with SSE4.2, the processor's own instruction. */

static uint32_t table[8][256];

static void
table_fill(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ UINT32_C(0x82f63b78) : crc >> 1;
		table[0][i] = crc;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int t = 1; t < 8; t++)
			table[t][i] = table[t - 1][i] >> 8 ^ table[0][table[t - 1][i] & 255];
}

static uint32_t
crc_by_table(uint32_t crc, unsigned char const *s, size_t len)
{
	if (table[0][1] == 0)
		table_fill();
	for (; len >= 8; s += 8, len -= 8) {
		uint32_t low = crc ^ ((uint32_t)s[0] | (uint32_t)s[1] << 8 | (uint32_t)s[2] << 16 |
					     (uint32_t)s[3] << 24);

		crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^
		      table[4][low >> 24] ^ table[3][s[4]] ^ table[2][s[5]] ^ table[1][s[6]] ^
		      table[0][s[7]];
	}
	while (len--)
		crc = crc >> 8 ^ table[0][(crc ^ *s++) & 255];
	return crc;
}

#if defined __x86_64__ && defined __GNUC__
__attribute__((target("sse4.2"))) static uint32_t
crc_by_instruction(uint32_t crc, unsigned char const *s, size_t len)
{
	uint64_t wide = crc;

	for (; len >= 8; s += 8, len -= 8) {
		uint64_t eight;

		memcpy(&eight, s, 8);
		wide = __builtin_ia32_crc32di(wide, eight);
	}
	crc = (uint32_t)wide;
	while (len--)
		crc = __builtin_ia32_crc32qi(crc, *s++);
	return crc;
}

uint32_t
crc32c(uint32_t crc, void const *s, size_t len)
{
	return ~(__builtin_cpu_supports("sse4.2") ? crc_by_instruction(~crc, s, len)
						  : crc_by_table(~crc, s, len));
}
#else
uint32_t
crc32c(uint32_t crc, void const *s, size_t len)
{
	return ~crc_by_table(~crc, s, len);
}
#endif
