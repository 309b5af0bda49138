#include "lib/number.h"

#include "tests/tap.h"

static struct {
	char const *text;
	uint64_t max;
	int result;
	uint64_t value;
} const numbers[] = {
	{"0", 10, 0, 0},
	{"10", 10, 0, 10},
	{"11", 10, -1, 0},
	{"", 10, -1, 0},
	{"-1", 10, -1, 0},
	{"+1", 10, -1, 0},
	{" 1", 10, -1, 0},
	{"1x", 10, -1, 0},
	{"5", 4, -1, 0},
	{"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
	{"18446744073709551616", UINT64_MAX, -1, 0},
	{"99999999999999999999999", UINT64_MAX, -1, 0},
};

static struct {
	char const *text;
	int result;
	uint64_t seconds;
} const durations[] = {
	{"7", 0, 7},
	{"7s", 0, 7},
	{"5m", 0, 300},
	{"2h", 0, 7200},
	{"7d", 0, 604800},
	{"8d", -1, 0},
	{"m", -1, 0},
	{"1w", -1, 0},
	{"1.5h", -1, 0},
	{"", -1, 0},
};

int
main(void)
{
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		uint64_t value = 77;
		int r = number_parse(span_string(numbers[i].text), numbers[i].max, &value);

		ok(r == numbers[i].result && value == (r ? 77 : numbers[i].value),
			"number '%s' up to %llu", numbers[i].text,
			(unsigned long long)numbers[i].max);
	}
	for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
		uint64_t value = 77;
		int r = duration_parse(span_string(durations[i].text), 604800, &value);

		ok(r == durations[i].result && value == (r ? 77 : durations[i].seconds),
			"duration '%s'", durations[i].text);
	}
	for (uint64_t n = 1; n <= UINT64_MAX / 10; n *= 10) {
		uint64_t around[] = {n - 1, n, n + 1, UINT64_MAX - n + 1};
		int good = 1;

		for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
			char want[32], got[NUMBER_TEXT_MAX];
			int len =
				snprintf(want, sizeof want, "%llu", (unsigned long long)around[i]);

			good &= number_format(got, around[i]) == (size_t)len &&
				memcmp(got, want, (size_t)len) == 0;
		}
		ok(good, "numbers around %llu are written", (unsigned long long)n);
	}
	return tap_end();
}
