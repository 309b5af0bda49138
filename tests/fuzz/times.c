#include <stdint.h>

#include "policy/timeouts.h"
#include "policy/warnafter.h"
#include "tests/fuzz/home.h"

static void
timeouts_check(struct span file)
{
	struct timeouts timeouts;
	stralloc why = STRALLOC_ZERO;

	home_enter();
	home_setting("control/timeoutphases", file);
	if (timeouts_load(&timeouts, &why) == 0) {
		for (int i = 0; i < TIMEOUTS; i++)
			if (timeouts.seconds[i] == 0 || timeouts.seconds[i] > TIMEOUT_SETTING_MAX)
				abort();
	} else if (why.len == 0) {
		abort();
	}
	stralloc_free(&why);
	home_leave();
}

/* Warnings come to an end: each is later than the one before. */
static void
warnafter_check(struct span value)
{
	struct warnafter w;
	uint64_t const arrival = 1700000000;
	uint64_t warned = 0;
	size_t count = 0;

	if (warnafter_parse(&w, value) == -1)
		return;
	if (w.times > WARNAFTER_TIMES)
		abort();
	for (uint64_t next; (next = warnafter_next(&w, arrival, warned)) != UINT64_MAX;
		warned = next)
		if (next <= warned || next > arrival + WARNAFTER_MAX || ++count > WARNAFTER_TIMES)
			abort();
}

/* The value of control/warnafter, a byte 255, and control/timeoutphases. */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct span rest = span((char const *)data, size);

	warnafter_check(span_cut(&rest, '\xff'));
	timeouts_check(rest);
	return 0;
}
