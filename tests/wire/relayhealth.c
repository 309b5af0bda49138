#include "wire/relayhealth.h"

#include "tests/tap.h"

/* Fills a slot with text and blanks. */
static void
slot_fill(char slot[RELAYHEALTH_SLOT], char const *text)
{
	relayhealth_format_free(slot);
	memcpy(slot, text, strlen(text));
}

static char const *const good[] = {
	"192.0.2.1 25 1 1700000000",
	"2001:db8::1 2525 999 1700000000",
	"2001:db8:1111:2222:3333:4444:5555:6666 65535 999 1099511627776",
	"192.0.2.1 1 12 0",
};

static char const *const bad[] = {
	"",
	" 192.0.2.1 25 1 1700000000",
	"192.0.2.1",
	"192.0.2.1 25",
	"192.0.2.1 25 1",
	"192.0.2.1 25 1 ",
	"192.0.2.1 25  1 1700000000",
	"192.0.2.1 25 1 1700000000 x",
	"192.0.2.1 0 1 1700000000",
	"192.0.2.1 65536 1 1700000000",
	"192.0.2.1 25 0 1700000000",
	"192.0.2.1 25 1000 1700000000",
	"192.0.2.1 25 -1 1700000000",
	"192.0.2.1 25 1 -5",
	"192.0.2.1 25 1 1099511627777",
	"192.0.2.1 25 1 99999999999999999999999999",
	"192.0.2.256 25 1 1700000000",
	"relay.example 25 1 1700000000",
	"192.0.2.1\n25 1 1700000000",
	"\177ELF",
};

static void
test_parse(void)
{
	char slot[RELAYHEALTH_SLOT], again[RELAYHEALTH_SLOT];
	struct relayhealth health;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		slot_fill(slot, good[i]);
		ok(relayhealth_parse(&health, slot) == 0, "'%s'", good[i]);
		relayhealth_format(again, &health);
		same(again, sizeof again, slot, sizeof slot, "written as it was read");
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		slot_fill(slot, bad[i]);
		ok(relayhealth_parse(&health, slot) == -1, "not what is no slot: %u", (unsigned)i);
	}
	slot_fill(slot, good[0]);
	slot[RELAYHEALTH_SLOT - 1] = ' ';
	ok(relayhealth_parse(&health, slot) == -1, "not without its line end");
	memset(slot, 0, sizeof slot);
	ok(relayhealth_parse(&health, slot) == -1, "not a slot of zeros");
	memset(slot, '1', sizeof slot);
	ok(relayhealth_parse(&health, slot) == -1, "not a slot full of digits");
}

static void
test_limits(void)
{
	char slot[RELAYHEALTH_SLOT];
	struct relayhealth health = {.port = 25, .failures = 5000, .failed = INT64_MAX};

	relayhealth_format(slot, &health);
	ok(relayhealth_parse(&health, slot) == 0 && health.failures == RELAYHEALTH_FAILURES_MAX,
		"failures and times beyond the most are the most");
	health.failed = INT64_MIN;
	relayhealth_format(slot, &health);
	ok(relayhealth_parse(&health, slot) == 0 && health.failed == 0, "no time before 1970");
}

static struct {
	unsigned failures;
	int64_t pause;
} const pauses[] = {
	{1, 60}, {2, 120}, {3, 240}, {4, 480}, {6, 1920}, {7, 3600}, {8, 3600}, {999, 3600}};

static void
test_pauses(void)
{
	struct relayhealth health = {.port = 25, .failed = 1000000};

	for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
		int64_t until = 1000000 + pauses[i].pause;

		health.failures = pauses[i].failures;
		ok(relayhealth_until(&health) == until, "failure %u: %d seconds", health.failures,
			(int)pauses[i].pause);
		ok(relayhealth_is_paused(&health, 1000000) &&
				relayhealth_is_paused(&health, until - 1) &&
				!relayhealth_is_paused(&health, until),
			"no longer and no shorter");
		ok(!relayhealth_is_paused(&health, 999999), "a failure of tomorrow does not count");
	}
}

int
main(void)
{
	test_parse();
	test_limits();
	test_pauses();
	return tap_end();
}
