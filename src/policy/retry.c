#include "policy/retry.h"

#include <stdio.h>

#include "lib/number.h"

enum { KEY_MAX = 1100, JITTER_FROM = 60 };

static char const default_rule[] = "0:5m,10m,20m,40m,1h,2h,4h";

int
retry_parse(struct retry_rule *rule, struct span value, char const **reason)
{
	struct span attempts = span_cut(&value, ':');
	uint64_t n;

	if (number_parse(span_trim(attempts), RETRY_ATTEMPTS_MAX, &n) == -1) {
		*reason = "the number of attempts is not one from 0 to 1000000";
		return -1;
	}
	rule->attempts = (uint32_t)n;
	for (rule->intervals = 0; value.len || rule->intervals == 0; rule->intervals++) {
		if (rule->intervals == RETRY_INTERVALS_MAX) {
			*reason = "there are more than 64 intervals";
			return -1;
		}
		if (duration_parse(span_trim(span_cut(&value, ',')), RETRY_INTERVAL_MAX, &n) ==
				-1 ||
			n == 0) {
			*reason = "an interval is not a number followed by s, m, h or d, from 1s "
				  "to 366d";
			return -1;
		}
		rule->interval[rule->intervals] = (uint32_t)n;
	}
	return 0;
}

static void
longest_note(struct retry *retry, struct retry_rule const *rule)
{
	for (size_t i = 0; i < rule->intervals; i++)
		if (rule->interval[i] > retry->longest)
			retry->longest = rule->interval[i];
}

static void
lines_check(struct retry *retry, stralloc *why)
{
	struct domainmap_entry entry;
	struct retry_rule rule;
	char const *reason;

	retry_parse(&rule, SPAN_LITERAL(default_rule), &reason);
	retry->longest = 0;
	longest_note(retry, &rule);
	for (size_t i = 0; domainmap_entry_at(&retry->map, i, &entry); i++) {
		if (retry_parse(&rule, entry.value, &reason) == 0) {
			longest_note(retry, &rule);
			continue;
		}
		if (why->len)
			stralloc_cats(why, "\n");
		control_complain(why, "retry", entry.line, reason, entry.value);
	}
}

int
retry_load(struct retry *retry, stralloc *why)
{
	if (domainmap_load(&retry->map, "retry", DOMAINMAP_VALUES, why) == -1)
		return -1;
	lines_check(retry, why);
	return 0;
}

static int
key_find(struct retry const *retry, struct span key, char const *class,
	struct domainmap_entry *entry)
{
	char with_class[KEY_MAX];
	int len = snprintf(with_class, sizeof with_class, "%.*s/%s", (int)key.len, key.s, class);

	if (class[0] && len > 0 && (size_t)len < sizeof with_class &&
		domainmap_exact(&retry->map, span(with_class, (size_t)len), entry))
		return 1;
	return domainmap_exact(&retry->map, key, entry);
}

/* The domain, its suffixes, the empty key: as domainmap_find, with two lines for each. */
static int
entry_find(struct retry const *retry, struct span domain, char const *class,
	struct domainmap_entry *entry)
{
	if (retry->map.entries == 0 || domain.len >= KEY_MAX)
		return 0;
	if (key_find(retry, domain, class, entry))
		return 1;
	for (size_t i = 0; i < domain.len; i++)
		if (domain.s[i] == '.' &&
			key_find(retry, span(domain.s + i, domain.len - i), class, entry))
			return 1;
	return key_find(retry, span("", 0), class, entry);
}

void
retry_find(struct retry const *retry, struct span domain, char const *class,
	struct retry_rule *rule, unsigned *line)
{
	struct domainmap_entry entry;
	char const *reason;

	*line = 0;
	if (entry_find(retry, domain, class, &entry) &&
		retry_parse(rule, entry.value, &reason) == 0)
		*line = entry.line;
	else
		retry_parse(rule, SPAN_LITERAL(default_rule), &reason);
}

uint32_t
retry_interval(struct retry_rule const *rule, uint32_t attempt)
{
	size_t i = attempt ? attempt - 1 : 0;

	return rule->interval[i < rule->intervals ? i : rule->intervals - 1];
}

uint32_t
retry_jitter(uint64_t id, uint32_t interval)
{
	uint64_t spread = interval >= JITTER_FROM ? interval / 16 : 0;

	return (uint32_t)((id * UINT64_C(0x9e3779b97f4a7c15) >> 32) % (spread + 1));
}

void
retry_free(struct retry *retry)
{
	domainmap_free(&retry->map);
}
