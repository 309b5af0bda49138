#include "remote/facts.h"

#include "lib/clock.h"

static enum facts_stage current;
static int64_t begun;
static int64_t milliseconds[FACTS_STAGES];
static uint64_t bytes;

void
facts_start(void)
{
	for (size_t i = 0; i < FACTS_STAGES; i++)
		milliseconds[i] = 0;
	bytes = 0;
	current = FACTS_OTHER;
	begun = clock_monotonic();
}

void
facts_enter(enum facts_stage stage)
{
	int64_t now = clock_monotonic();

	milliseconds[current] += now - begun;
	current = stage;
	begun = now;
}

void
facts_sent(size_t n)
{
	bytes += n;
}

struct attempt_facts const *
facts_end(struct outcome const *outcome)
{
	static struct attempt_facts facts;

	facts_enter(FACTS_OTHER);
	facts = (struct attempt_facts){.dns = (uint64_t)milliseconds[FACTS_DNS],
		.connect = (uint64_t)milliseconds[FACTS_CONNECT],
		.transfer = (uint64_t)milliseconds[FACTS_TRANSFER],
		.bytes = bytes,
		.port = outcome->port,
		.code = outcome->code};
	return &facts;
}
