#include "wire/relayhealth.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

/* What a slot says is bounded, and is written as it was read but for how an address is spelt. */
int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	char slot[RELAYHEALTH_SLOT], again[RELAYHEALTH_SLOT];
	struct relayhealth health, second;

	relayhealth_format_free(slot);
	memcpy(slot, data, size < sizeof slot ? size : sizeof slot);
	if (relayhealth_parse(&health, slot) == -1)
		return 0;
	if (relayhealth_until(&health) - health.failed > RELAYHEALTH_PAUSE_MAX)
		abort();
	relayhealth_format(again, &health);
	if (relayhealth_parse(&second, again) == -1 || second.port != health.port ||
		second.failures != health.failures || second.failed != health.failed ||
		memcmp(&second.address, &health.address, sizeof health.address) != 0)
		abort();
	return 0;
}
