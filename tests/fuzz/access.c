#include <stdint.h>
#include <stdlib.h>

#include "policy/access.h"

/* A rule that is read has an order and variables that can be found. */
int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct access_rule rule;
	struct span value;
	char const *reason = NULL;

	if (size == 0 || memchr(data, '\0', size))
		return 0;
	if (access_rule_parse(&rule, span((char const *)data, size), &reason) == -1) {
		if (!reason)
			abort();
		return 0;
	}
	if (memcmp(rule.low.bytes, rule.high.bytes, sizeof rule.low.bytes) > 0)
		abort();
	(void)access_variable(&rule, "NOT THERE", &value);
	return 0;
}
