#include "wire/relayhealth.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/number.h"

/* Later than any clock that is worth a thought: nothing overflows. */
#define TIME_MAX_KEPT (INT64_C(1) << 40)

void
relayhealth_format_free(char slot[RELAYHEALTH_SLOT])
{
	memset(slot, ' ', RELAYHEALTH_SLOT);
	slot[RELAYHEALTH_SLOT - 1] = '\n';
}

void
relayhealth_format(char slot[RELAYHEALTH_SLOT], struct relayhealth const *health)
{
	char address[NETADDRESS_TEXT_MAX], line[RELAYHEALTH_SLOT];
	unsigned failures = health->failures < RELAYHEALTH_FAILURES_MAX ? health->failures
									: RELAYHEALTH_FAILURES_MAX;
	int64_t failed = health->failed < 0               ? 0
			 : health->failed > TIME_MAX_KEPT ? TIME_MAX_KEPT
							  : health->failed;
	int len;

	netaddress_format(address, &health->address);
	len = snprintf(line, sizeof line, "%s %u %u %" PRId64, address, (unsigned)health->port,
		failures, failed);
	relayhealth_format_free(slot);
	memcpy(slot, line, (size_t)len);
}

/* The text without the blanks it was filled up with. */
static struct span
slot_text(char const slot[RELAYHEALTH_SLOT])
{
	size_t len = RELAYHEALTH_SLOT - 1;

	if (slot[len] != '\n')
		return span("", 0);
	while (len && slot[len - 1] == ' ')
		len--;
	return span(slot, len);
}

int
relayhealth_parse(struct relayhealth *health, char const slot[RELAYHEALTH_SLOT])
{
	struct span text = slot_text(slot);
	uint64_t port = 0, failures = 0, failed = 0;

	if (netaddress_parse(&health->address, span_cut(&text, ' ')) == -1 ||
		number_parse(span_cut(&text, ' '), UINT16_MAX, &port) == -1 ||
		number_parse(span_cut(&text, ' '), RELAYHEALTH_FAILURES_MAX, &failures) == -1 ||
		number_parse(text, TIME_MAX_KEPT, &failed) == -1 || port == 0 || failures == 0)
		return -1;
	health->port = (uint16_t)port;
	health->failures = (unsigned)failures;
	health->failed = (int64_t)failed;
	return 0;
}

int64_t
relayhealth_until(struct relayhealth const *health)
{
	int64_t pause = RELAYHEALTH_PAUSE_MIN;

	for (unsigned i = 1; i < health->failures && pause < RELAYHEALTH_PAUSE_MAX; i++)
		pause *= 2;
	return health->failed + (pause < RELAYHEALTH_PAUSE_MAX ? pause : RELAYHEALTH_PAUSE_MAX);
}

int
relayhealth_is_paused(struct relayhealth const *health, int64_t now)
{
	return now >= health->failed && now < relayhealth_until(health);
}
