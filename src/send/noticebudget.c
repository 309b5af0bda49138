#include "send/noticebudget.h"

#include <string.h>

#include <skalibs/random.h>

enum {
	SETS = 1024,
	WAYS = 4,
	WAIT_MAX = 4 * 3600, /* seconds: then one asks again, whatever has changed */
	MICROSECONDS = 1000000
};

/* What an address or a domain has had. All times are monotonic, in microseconds. */
struct share {
	uint64_t key;
	int64_t until; /* when all that it has had is forgotten */
	int64_t line;  /* the last place that was given to those who wait */
};

enum { OF_ADDRESS, OF_DOMAIN, KINDS };

static struct share shares[KINDS][SETS * WAYS];

/* Nobody outside can choose names that come to share a set. */
static uint64_t
key_of(struct span name)
{
	static uint64_t secret;
	uint64_t h;

	if (secret == 0)
		random_buf((char *)&secret, sizeof secret);
	h = secret;
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.s[i];

		h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return h;
}

/* The share of this name; a new one takes the place of the one that is forgotten first. */
static struct share *
share_get(int kind, struct span name)
{
	uint64_t key = key_of(name);
	struct share *set = shares[kind] + key % SETS * WAYS;
	struct share *oldest = set;

	for (int i = 0; i < WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].until < oldest->until)
			oldest = &set[i];
	}
	*oldest = (struct share){.key = key};
	return oldest;
}

static int64_t
price(struct notice_rate const *rate)
{
	int64_t each = (int64_t)(rate->seconds * MICROSECONDS / rate->count);

	return each ? each : 1;
}

/* When the share allows one more. */
static int64_t
allowed_at(struct share const *share, struct notice_rate const *rate)
{
	return share->until + price(rate) - (int64_t)rate->seconds * MICROSECONDS;
}

static void
spend(struct share *share, struct notice_rate const *rate, int64_t now)
{
	share->until = (share->until > now ? share->until : now) + price(rate);
}

/* The next place in line: one each time that one becomes free. */
static int64_t
place_take(struct share *share, struct notice_rate const *rate, int64_t now, int *first)
{
	int64_t free = allowed_at(share, rate);

	*first |= share->line <= now;
	share->line = share->line + price(rate) > free ? share->line + price(rate) : free;
	return share->line;
}

static uint64_t
seconds_until(int64_t place, int64_t now)
{
	uint64_t seconds = (uint64_t)((place - now) / MICROSECONDS) + 1;

	return seconds < WAIT_MAX ? seconds : WAIT_MAX - seconds % (WAIT_MAX / 2);
}

/* What was counted by another limit means nothing by this one. */
static void
limit_note(int kind, struct notice_rate const *rate)
{
	static struct notice_rate known[KINDS];

	if (rate->count == known[kind].count && rate->seconds == known[kind].seconds)
		return;
	known[kind] = *rate;
	memset(shares[kind], 0, sizeof shares[kind]);
}

uint64_t
noticebudget_take(struct span address, struct notice_rate const *to_address,
	struct notice_rate const *to_domain, int64_t now, int *first)
{
	size_t at = span_find_last(address, '@');
	struct span domain = at < address.len ? span(address.s + at + 1, address.len - at - 1)
					      : span(address.s, 0);
	struct share *mailbox, *host;

	*first = 0;
	limit_note(OF_ADDRESS, to_address);
	limit_note(OF_DOMAIN, to_domain);
	mailbox = share_get(OF_ADDRESS, address);
	host = share_get(OF_DOMAIN, domain);
	if (to_address->count && allowed_at(mailbox, to_address) > now)
		return seconds_until(place_take(mailbox, to_address, now, first), now);
	if (to_domain->count && domain.len && allowed_at(host, to_domain) > now)
		return seconds_until(place_take(host, to_domain, now, first), now);
	if (to_address->count)
		spend(mailbox, to_address, now);
	if (to_domain->count && domain.len)
		spend(host, to_domain, now);
	return 0;
}
