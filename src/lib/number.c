#include "lib/number.h"

int
number_parse(struct span s, uint64_t max, uint64_t *value)
{
	uint64_t n = 0;

	if (s.len == 0)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		if (s.s[i] < '0' || s.s[i] > '9')
			return -1;
		uint64_t digit = (uint64_t)(s.s[i] - '0');
		if (n > (max - digit) / 10 || digit > max)
			return -1;
		n = n * 10 + digit;
	}
	*value = n;
	return 0;
}

size_t
number_format(char s[NUMBER_TEXT_MAX], uint64_t n)
{
	char digits[NUMBER_TEXT_MAX];
	size_t at = sizeof digits;

	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	memcpy(s, digits + at, sizeof digits - at);
	return sizeof digits - at;
}

static uint64_t
unit_seconds(char unit)
{
	switch (unit) {
	case 's': return 1;
	case 'm': return 60;
	case 'h': return 3600;
	case 'd': return 86400;
	default: return 0;
	}
}

int
duration_parse(struct span s, uint64_t max, uint64_t *seconds)
{
	uint64_t unit = s.len ? unit_seconds(s.s[s.len - 1]) : 0;
	uint64_t n;

	if (unit)
		s.len--;
	else
		unit = 1;
	if (number_parse(s, max / unit, &n) == -1)
		return -1;
	*seconds = n * unit;
	return 0;
}
