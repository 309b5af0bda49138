#include "policy/throttle.h"

#include "tests/tap.h"

static struct {
	char const *value;
	int result;
	uint32_t connections, messages, seconds;
} const rules[] = {
	{"1", 0, 1, 0, 0},
	{"1000", 0, 1000, 0, 0},
	{"1001", -1, 0, 0, 0},
	{"0", -1, 0, 0, 0},
	{"", -1, 0, 0, 0},
	{"x", -1, 0, 0, 0},
	{"5:60/1m", 0, 5, 60, 60},
	{" 5 : 60 / 1m ", 0, 5, 60, 60},
	{"5:1000000/1d", 0, 5, 1000000, 86400},
	{"5:1000001/1d", -1, 0, 0, 0},
	{"5:1/2d", -1, 0, 0, 0},
	{"5:0/1m", -1, 0, 0, 0},
	{"5:60/0s", -1, 0, 0, 0},
	{"5:60", -1, 0, 0, 0},
	{"5:60/", -1, 0, 0, 0},
	{"5:/1m", -1, 0, 0, 0},
};

int
main(void)
{
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		struct throttle_rule rule;
		char const *reason;
		int r = throttle_parse(&rule, span_string(rules[i].value), &reason);

		ok(r == rules[i].result && (r == -1 || (rule.connections == rules[i].connections &&
							       rule.messages == rules[i].messages &&
							       rule.seconds == rules[i].seconds)),
			"throttle '%s'", rules[i].value);
	}
	return tap_end();
}
