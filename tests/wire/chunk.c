#include "wire/chunk.h"

#include "tests/tap.h"

static struct {
	char const *text;
	int result;
	uint64_t size;
	int last;
} const rows[] = {
	{"0", 0, 0, 0}, {"0 LAST", 0, 0, 1}, {"5", 0, 5, 0}, {"5 last", 0, 5, 1},
	{"5 LaSt", 0, 5, 1}, {"2147483648", 0, 2147483648u, 0},
	{"4294967296 LAST", 0, 4294967296u, 1}, {"4294967301", 0, 4294967301u, 0},
	{"9223372036854775808", 0, 9223372036854775808u, 0},
	{"18446744073709551615", 0, UINT64_MAX, 0}, {"18446744073709551616", -1, 0, 0},
	{"18446744073709551621", -1, 0, 0}, {"999999999999999999999999999999", -1, 0, 0},
	{"", -1, 0, 0}, {"-1", -1, 0, 0}, {"-5", -1, 0, 0}, {"+5", -1, 0, 0}, {" 5", -1, 0, 0},
	{"5 ", -1, 0, 0}, {"5  LAST", -1, 0, 0}, {"5 LASTX", -1, 0, 0}, {"5 LAST LAST", -1, 0, 0},
	{"5LAST", -1, 0, 0}, {"LAST", -1, 0, 0}, {"LAST 5", -1, 0, 0}, {"0x5", -1, 0, 0},
	{"1e3", -1, 0, 0}, {"5,LAST", -1, 0, 0}, {"5\tLAST", -1, 0, 0},
	{"\xd9\xa5", -1, 0, 0}, /* a digit of another script */
};

int
main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct chunk chunk = {0, 0};
		int r = chunk_parse(&chunk, span_string(rows[i].text));

		ok(r == rows[i].result && chunk.size == rows[i].size && chunk.last == rows[i].last,
			"BDAT %s", rows[i].text);
	}
	return tap_end();
}
