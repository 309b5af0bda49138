#include "net/dnscache.h"

static int
is_of(struct dnscache_entry const *entry, struct dns_name const *name, enum dns_type type)
{
	return entry->type == type && span_case_equal(span(entry->name.text, entry->name.len),
					      span(name->text, name->len));
}

/* Where an answer goes: the place of an older one to the question, a new one, or the oldest. */
static struct dnscache_entry *
entry_for(struct dnscache *cache, struct dns_name const *name, enum dns_type type)
{
	struct dnscache_entry *first = &cache->entry[0];

	for (size_t i = 0; i < cache->length; i++) {
		if (is_of(&cache->entry[i], name, type))
			return &cache->entry[i];
		if (cache->entry[i].until < first->until)
			first = &cache->entry[i];
	}
	return cache->length < DNSCACHE_ENTRIES ? &cache->entry[cache->length++] : first;
}

void
dnscache_put(struct dnscache *cache, struct dns_name const *name, enum dns_type type,
	struct dns_answer const *answer, int64_t now)
{
	int leads_on =
		answer->rcode == DNS_NOERROR && answer->records + answer->ignored + answer->links;
	uint32_t max = leads_on ? DNSCACHE_TTL_MAX : DNSCACHE_NOTHING_MAX;
	uint32_t seconds = dns_answer_lifetime(answer);
	struct dnscache_entry *entry;

	if (answer->message.len > DNSCACHE_MESSAGE_MAX || seconds == 0)
		return;
	seconds = seconds < DNSCACHE_TTL_MIN ? DNSCACHE_TTL_MIN : seconds > max ? max : seconds;
	entry = entry_for(cache, name, type);
	entry->name = *name;
	entry->type = type;
	entry->until = stralloc_copyb(&entry->message, answer->message.s, answer->message.len)
			       ? now + (int64_t)seconds * 1000
			       : 0;
}

int
dnscache_get(struct dnscache const *cache, struct dns_name const *name, enum dns_type type,
	struct dns_answer *answer, int64_t now)
{
	for (size_t i = 0; i < cache->length; i++) {
		struct dnscache_entry const *entry = &cache->entry[i];
		unsigned char const *id = (unsigned char const *)entry->message.s;

		if (is_of(entry, name, type))
			return entry->until > now &&
			       dns_answer_parse(answer, entry->message.s, entry->message.len,
				       (uint16_t)(id[0] << 8 | id[1]), name, type) == 0;
	}
	return 0;
}
