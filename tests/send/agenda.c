#include "send/agenda.c"
#include "send/idset.c"

#include "tests/tap.h"

static void
order(void)
{
	struct agenda agenda = AGENDA_ZERO;
	uint64_t id, previous = 0;
	enum agenda_reason reason;
	int sorted = 1;

	ok(agenda_next(&agenda) == UINT64_MAX, "an empty agenda never wakes");
	for (uint64_t i = 0; i < 1000; i++)
		agenda_add(&agenda, i + 1, 1 + i * 7919 % 1000);
	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t due = agenda_next(&agenda);

		sorted &= due >= previous && agenda_take(&agenda, 5000, &id, &reason) &&
			  reason == AGENDA_DUE;
		previous = due;
	}
	ok(sorted, "what waits comes in the order of its times");
	ok(!agenda_take(&agenda, 5000, &id, &reason), "and then nothing");
	agenda_add(&agenda, 9, 100);
	ok(!agenda_take(&agenda, 99, &id, &reason), "not a second too early");
	ok(agenda_take(&agenda, 100, &id, &reason) && id == 9, "but at its time");
	agenda_add(&agenda, 9, 100);
	agenda_all_due(&agenda);
	ok(agenda_take(&agenda, 1, &id, &reason) && id == 9 && reason == AGENDA_FORCED,
		"or at once, when all is due");
	agenda_add(&agenda, 9, 1000);
	agenda_clock_back(&agenda, 300);
	ok(agenda_next(&agenda) == 700, "a clock that is set back makes nothing wait longer");
	free(agenda.heap);
}

static void
hasten(void)
{
	struct agenda agenda = AGENDA_ZERO;
	uint64_t ids[] = {77, 5, 4000}, id, previous = 0;
	enum agenda_reason reason;
	int in_order = 1;

	for (uint64_t i = 1; i <= 100; i++)
		agenda_add(&agenda, i, 1000 - i);
	agenda_hasten(&agenda, ids, 3);
	ok(agenda_take(&agenda, 1, &id, &reason) && id == 5 && reason == AGENDA_FORCED,
		"what is hastened is due");
	ok(agenda_take(&agenda, 1, &id, &reason) && id == 77, "each of it");
	ok(!agenda_take(&agenda, 1, &id, &reason), "and nothing else");
	while (agenda_length(&agenda)) {
		uint64_t due = agenda_next(&agenda);

		in_order &= due >= previous && agenda_take(&agenda, due, &id, &reason);
		previous = due;
	}
	ok(in_order, "the rest comes at its times");
	free(agenda.heap);
}

static void
fresh_and_retries(void)
{
	struct agenda agenda = AGENDA_ZERO;
	unsigned retries = 0;
	int in_order = 1;
	uint64_t id, next = 1;
	enum agenda_reason reason;

	for (uint64_t i = 1; i <= 200; i++)
		agenda_add_fresh(&agenda, i);
	for (uint64_t i = 1001; i <= 1200; i++)
		agenda_add(&agenda, i, 5);
	for (int i = 0; i < 100; i++) {
		agenda_take(&agenda, 10, &id, &reason);
		if (id > 1000)
			retries++;
		else
			in_order &= id == next++;
	}
	ok(in_order, "new mail comes in the order of its arrival");
	ok(retries == 25, "a quarter of the turns are retries: %u", retries);
	ok(agenda_length(&agenda) == 300, "the rest still waits");
	free(agenda.heap);
	free(agenda.fresh);
}

static void
ids(void)
{
	struct idset set = IDSET_ZERO;
	int good = 1;

	for (uint64_t i = 0; i < 20000; i++)
		good &= idset_add(&set, 1763753266000000 + i * 64) == 1;
	ok(good && set.count == 20000, "20,000 ids");
	ok(idset_add(&set, 1763753266000000) == 0, "none twice");
	for (uint64_t i = 0; i < 20000; i += 2)
		idset_remove(&set, 1763753266000000 + i * 64);
	for (uint64_t i = 0; i < 20000; i++)
		good &= idset_has(&set, 1763753266000000 + i * 64) == (int)(i % 2);
	ok(good && set.count == 10000, "half of them removed, the others are still found");
	idset_remove(&set, 5);
	ok(set.count == 10000, "what is not there can be removed");
	free(set.slot);
}

/* Of what waits and of what is new, from a heap of any shape and a ring that has turned. */
static void
take_out(void)
{
	static uint64_t taken[1000];
	struct agenda agenda = AGENDA_ZERO;
	struct idset set = IDSET_ZERO;
	enum agenda_reason reason;
	uint64_t id, previous = 0, count = 0;
	int sorted = 1;

	for (uint64_t i = 0; i < 40; i++)
		agenda_add_fresh(&agenda, 5000 + i);
	for (uint64_t i = 0; i < 30; i++)
		agenda_take(&agenda, 0, &id, &reason);
	for (uint64_t i = 0; i < 40; i++)
		agenda_add_fresh(&agenda, 6000 + i);
	for (uint64_t i = 1; i <= 1000; i++)
		agenda_add(&agenda, i, 1 + i * 7919 % 1000);
	for (uint64_t i = 3; i <= 1000; i += 3)
		idset_add(&set, i);
	idset_add(&set, 5035);
	idset_add(&set, 6001);
	idset_add(&set, 9999);
	ok(agenda_oldest_fresh(&agenda) == 5030 && agenda_oldest_waiting(&agenda) == 1,
		"the oldest of each kind");
	ok(idset_least(&set) == 3, "the least of a set");
	ok(agenda_take_out(&agenda, &set, taken) == 333 + 2, "what is in the set is taken out");
	ok(agenda_length(&agenda) == 667 + 48, "and nothing else");
	ok(agenda_take_out(&agenda, &set, taken) == 0, "once");
	for (int i = 0; i < 48; i++) {
		sorted &= agenda_take(&agenda, 0, &id, &reason) && reason == AGENDA_NEW &&
			  !idset_has(&set, id) && id > previous;
		previous = id;
	}
	ok(sorted, "what is new keeps its order");
	for (previous = 0; agenda_length(&agenda); count++) {
		uint64_t due = agenda_next(&agenda);

		sorted &= due >= previous && agenda_take(&agenda, 5000, &id, &reason) &&
			  !idset_has(&set, id);
		previous = due;
	}
	ok(sorted && count == 667, "what waits comes in the order of its times");
	idset_clear(&set);
	ok(set.count == 0 && !idset_has(&set, 3) && idset_least(&set) == 0, "a set is cleared");
	free(agenda.heap);
	free(agenda.fresh);
}

int
main(void)
{
	order();
	hasten();
	fresh_and_retries();
	ids();
	take_out();
	return tap_end();
}
