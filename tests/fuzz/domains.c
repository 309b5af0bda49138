#include <stdint.h>

#include "policy/domains.h"
#include "policy/retry.h"
#include "policy/throttle.h"
#include "tests/fuzz/home.h"

/* The definition: of all lines with a key that fits the longest, and of these the last. */
static unsigned
reference(struct domainmap const *map, struct span domain)
{
	struct domainmap_entry entry;
	unsigned best = 0;
	size_t best_len = 0;

	for (size_t i = 0; domainmap_entry_at(map, i, &entry); i++) {
		struct span key = entry.key;
		struct span end = key.len <= domain.len
					  ? span(domain.s + domain.len - key.len, key.len)
					  : span("", 0);

		if (!span_case_equal(key, end) ||
			(key.len && key.len != domain.len && key.s[0] != '.'))
			continue;
		if (best && key.len < best_len)
			continue;
		best = entry.line;
		best_len = key.len;
	}
	return best;
}

static void
map_check(struct domainmap const *map, struct span domain)
{
	struct domainmap_entry entry;
	unsigned want = reference(map, domain);
	int found = domainmap_find(map, domain, &entry);

	if (found != (want != 0) || (found && entry.line != want))
		abort();
}

/* Where a recipient goes: the address ends in a NUL and the domain is a part of it. */
static void
route_check(struct domains const *domains, struct span recipient)
{
	struct domains_reason reason;
	stralloc address = STRALLOC_ZERO;
	struct span domain;
	int kind = domains_explain(domains, recipient, &address, &domain, &reason);

	if (kind == -1 || address.s[address.len] != '\0' ||
		domain.s + domain.len != address.s + address.len || domain.s <= address.s ||
		domain.s[-1] != '@' || memchr(domain.s, '@', domain.len))
		abort();
	if (kind == ADDRESS_LOCAL && (!reason.file || reason.line == 0))
		abort();
	domains_is_ours(domains, domain);
	stralloc_free(&address);
}

static void
retry_check(struct retry const *retry, struct span domain)
{
	static char const *const classes[] = {"", "greylist", "timeout"};
	struct retry_rule rule;
	unsigned line;

	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
		retry_find(retry, domain, classes[i], &rule, &line);
		if (rule.intervals == 0 || rule.intervals > RETRY_INTERVALS_MAX ||
			rule.attempts > RETRY_ATTEMPTS_MAX)
			abort();
		for (uint32_t attempt = 0; attempt < RETRY_INTERVALS_MAX + 2; attempt++)
			if (retry_interval(&rule, attempt) == 0 ||
				retry_interval(&rule, attempt) > retry->longest)
				abort();
	}
}

static void
throttle_check(struct throttle const *throttle, struct span domain)
{
	struct throttle_rule rule;
	unsigned line;

	throttle_find(throttle, domain, &rule, &line);
	if (rule.connections == 0 || rule.connections > THROTTLE_CONNECTIONS_MAX ||
		rule.messages > THROTTLE_MESSAGES_MAX || rule.seconds > THROTTLE_TIME_MAX ||
		(rule.messages == 0) != (rule.seconds == 0))
		abort();
}

/* The files, each ended by a byte 255 (by its NUL one that is not there), and a recipient. */
static struct span
files_write(struct span rest)
{
	static char const *const files[] = {"control/me", "control/envnoathost", "control/locals",
		"control/virtualdomains", "control/percenthack", "control/retry",
		"control/throttle"};

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		home_setting(files[i], span_cut(&rest, '\xff'));
	return rest;
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct domains domains = DOMAINS_ZERO;
	struct retry retry = RETRY_ZERO;
	struct throttle throttle = {DOMAINMAP_ZERO};
	stralloc why = STRALLOC_ZERO;
	struct span recipient, domain;
	int wrong;

	home_enter();
	recipient = files_write(span((char const *)data, size));
	domain = recipient;
	if (span_find_last(recipient, '@') < recipient.len)
		domain = span(recipient.s + span_find_last(recipient, '@') + 1,
			recipient.len - span_find_last(recipient, '@') - 1);
	wrong = domains_load(&domains, &why) == -1;
	if (wrong != (why.len != 0))
		abort();
	if (!wrong) {
		map_check(&domains.locals, domain);
		map_check(&domains.virtualdomains, domain);
		route_check(&domains, recipient);
	}
	if (retry_load(&retry, &why) == 0)
		retry_check(&retry, domain);
	if (throttle_load(&throttle, &why) == 0) {
		map_check(&throttle.map, domain);
		throttle_check(&throttle, domain);
	}
	domains_free(&domains);
	retry_free(&retry);
	throttle_free(&throttle);
	stralloc_free(&why);
	home_leave();
	return 0;
}
