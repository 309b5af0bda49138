#include "wire/seal.h"

#include "lib/crc32c.h"
#include "tests/tap.h"

int
main(void)
{
	struct seal seal = {4242, 77, 0xdeadbeef}, back;
	char line[SEAL_SIZE], other[SEAL_SIZE];
	size_t accepted = 0, unlike = 0;

	ok(crc32c(0, "123456789", 9) == 0xe3069283, "CRC-32C of the standard's check value");
	ok(crc32c(crc32c(0, "1234", 4), "56789", 5) == 0xe3069283, "and in two pieces");
	seal_format(line, &seal);
	same(line, sizeof line, "tern1 0000000000001092 000000000000004d deadbeef\n", SEAL_SIZE,
		"a seal");
	ok(seal_parse(&back, line) == 0 && back.message == 4242 && back.envelope == 77 &&
			back.crc == 0xdeadbeef,
		"is read back");
	for (size_t i = 0; i < SEAL_SIZE; i++) {
		memcpy(other, line, SEAL_SIZE);
		other[i] = 'x';
		accepted += seal_parse(&back, other) == 0;
		unlike += !seal_resembles(other);
	}
	ok(accepted == 0, "no seal with a wrong byte is one");
	ok(unlike == 0, "but each is known as a damaged one");
	memset(other, 0, SEAL_SIZE);
	ok(!seal_resembles(other), "zeros are not a damaged seal");
	memset(other, 'a', SEAL_SIZE);
	ok(!seal_resembles(other), "nor is text");
	return tap_end();
}
