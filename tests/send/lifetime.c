#include "send/lifetime.c"

#include "tests/tap.h"

enum { DAY = 86400, LIFE = 7 * DAY, NOW = 1800000000 };

struct settings settings = {.queuelifetime = LIFE};

static uint64_t
id_of(uint64_t arrival)
{
	return arrival * 1000000;
}

int
main(void)
{
	uint64_t end = NOW - DAY + LIFE;

	ok(lifetime_end(id_of(NOW - DAY)) == end, "a lifetime after the arrival");
	lifetime_clock_forward(NOW + 10 * DAY, 10 * DAY);
	ok(lifetime_end(id_of(NOW - DAY)) == end + 10 * DAY, "a jump does not count");
	ok(lifetime_end(id_of(NOW + 11 * DAY)) == NOW + 11 * DAY + LIFE,
		"but for what came after it");
	lifetime_clock_back(9 * DAY);
	ok(lifetime_end(id_of(NOW - DAY)) == end + DAY, "back again");
	lifetime_clock_back(5 * DAY);
	ok(lifetime_end(id_of(NOW - DAY)) == end, "back before that");
	for (uint64_t i = 1; i <= 40; i++)
		lifetime_clock_forward(NOW + i * DAY, 100);
	ok(lifetime_end(id_of(NOW - DAY)) == end + 32 * 100, "the last 32 are remembered");
	ok(lifetime_end(id_of(NOW + 39 * DAY)) == NOW + 39 * DAY + LIFE + 100,
		"each counts for those that were there");
	lifetime_clock_back(UINT64_MAX);
	ok(lifetime_end(id_of(NOW - DAY)) == end, "the start of time");
	return tap_end();
}
