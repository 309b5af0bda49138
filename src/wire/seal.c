#include "wire/seal.h"

#include <stdio.h>
#include <string.h>

void
seal_format(char line[SEAL_SIZE], struct seal const *seal)
{
	char text[SEAL_SIZE + 1];

	snprintf(text, sizeof text, "tern1 %016llx %016llx %08lx\n",
		(unsigned long long)seal->message, (unsigned long long)seal->envelope,
		(unsigned long)seal->crc);
	memcpy(line, text, SEAL_SIZE);
}

static char const digits_known[] = "0123456789abcdef";

static int
hexadecimal_parse(char const *s, size_t digits, uint64_t *value)
{
	uint64_t n = 0;

	for (size_t i = 0; i < digits; i++) {
		char const *at = s[i] ? strchr(digits_known, s[i]) : NULL;

		if (!at)
			return -1;
		n = n << 4 | (uint64_t)(at - digits_known);
	}
	*value = n;
	return 0;
}

int
seal_parse(struct seal *seal, char const line[SEAL_SIZE])
{
	uint64_t crc;

	if (memcmp(line, "tern1 ", 6) != 0 ||
		hexadecimal_parse(line + 6, 16, &seal->message) == -1 || line[22] != ' ' ||
		hexadecimal_parse(line + 23, 16, &seal->envelope) == -1 || line[39] != ' ' ||
		hexadecimal_parse(line + 40, 8, &crc) == -1 || line[48] != '\n')
		return -1;
	seal->crc = (uint32_t)crc;
	return 0;
}

int
seal_resembles(char const line[SEAL_SIZE])
{
	static char const form[SEAL_SIZE + 1] =
		"tern1 ................ ................ ........\n";
	size_t same = 0;

	for (size_t i = 0; i < SEAL_SIZE; i++)
		same += form[i] == '.' ? line[i] && strchr(digits_known, line[i])
				       : line[i] == form[i];
	return same >= SEAL_SIZE - 4;
}
