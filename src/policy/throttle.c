#include "policy/throttle.h"

#include "lib/number.h"

static int
rate_parse(struct throttle_rule *rule, struct span rate, char const **reason)
{
	struct span messages = span_cut(&rate, '/');
	uint64_t count, seconds;

	if (number_parse(span_trim(messages), THROTTLE_MESSAGES_MAX, &count) == -1 || count == 0 ||
		duration_parse(span_trim(rate), THROTTLE_TIME_MAX, &seconds) == -1 ||
		seconds == 0) {
		*reason =
			"the rate is not a number of messages, a slash and a time of at most a day, as in 60/1m";
		return -1;
	}
	rule->messages = (uint32_t)count;
	rule->seconds = (uint32_t)seconds;
	return 0;
}

int
throttle_parse(struct throttle_rule *rule, struct span value, char const **reason)
{
	struct span connections = span_cut(&value, ':');
	uint64_t n;

	if (number_parse(span_trim(connections), THROTTLE_CONNECTIONS_MAX, &n) == -1 || n == 0) {
		*reason = "the number of connections is not one from 1 to 1000";
		return -1;
	}
	rule->connections = (uint32_t)n;
	rule->messages = rule->seconds = 0;
	return value.len ? rate_parse(rule, value, reason) : 0;
}

int
throttle_load(struct throttle *throttle, stralloc *why)
{
	struct domainmap_entry entry;
	struct throttle_rule rule;
	char const *reason;

	if (domainmap_load(&throttle->map, "throttle", DOMAINMAP_VALUES, why) == -1)
		return -1;
	for (size_t i = 0; domainmap_entry_at(&throttle->map, i, &entry); i++) {
		if (throttle_parse(&rule, entry.value, &reason) == 0)
			continue;
		if (why->len)
			stralloc_cats(why, "\n");
		control_complain(why, "throttle", entry.line, reason, entry.value);
	}
	return 0;
}

void
throttle_find(struct throttle const *throttle, struct span domain, struct throttle_rule *rule,
	unsigned *line)
{
	struct domainmap_entry entry;
	char const *reason;

	*line = 0;
	if (domainmap_find(&throttle->map, domain, &entry) &&
		throttle_parse(rule, entry.value, &reason) == 0)
		*line = entry.line;
	else
		*rule = (struct throttle_rule){THROTTLE_CONNECTIONS_DEFAULT, 0, 0};
}

void
throttle_free(struct throttle *throttle)
{
	domainmap_free(&throttle->map);
}
