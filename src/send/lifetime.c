#include "send/lifetime.h"

#include <string.h>

#include "send/settings.h"

/* The last times when the clock was set forward; the latest first. What is older counts. */
static struct jump {
	uint64_t now, seconds;
} jumps[32];

enum { JUMPS = sizeof jumps / sizeof jumps[0] };

void
lifetime_clock_forward(uint64_t now, uint64_t seconds)
{
	memmove(jumps + 1, jumps, (JUMPS - 1) * sizeof jumps[0]);
	jumps[0] = (struct jump){now, seconds};
}

/* Most often a correction of what was wrong before. */
void
lifetime_clock_back(uint64_t seconds)
{
	for (size_t i = 0; i < JUMPS; i++) {
		uint64_t taken = seconds < jumps[i].seconds ? seconds : jumps[i].seconds;

		jumps[i].seconds -= taken;
		seconds -= taken;
	}
}

uint64_t
lifetime_end(uint64_t id)
{
	uint64_t arrival = id / 1000000;
	uint64_t end = arrival + settings.queuelifetime;

	for (size_t i = 0; i < JUMPS; i++)
		if (arrival < jumps[i].now)
			end += jumps[i].seconds;
	return end;
}
