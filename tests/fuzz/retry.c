#include "policy/retry.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct retry_rule rule;
	char const *reason = NULL;

	if (retry_parse(&rule, span((char const *)data, size), &reason) == -1)
		return reason ? 0 : (abort(), 0);
	if (retry_interval(&rule, 1) == 0 || retry_interval(&rule, 1000) > RETRY_INTERVAL_MAX)
		abort();
	return 0;
}
