#include "service/rates.h"

#include <stdlib.h>
#include <string.h>

#include <skalibs/random.h>

enum { IPV6_NETWORK = 8 }; /* bytes: what one site has */

/* Until when (in microseconds) what a client has had of each keeps it from having all of it. */
struct rates_entry {
	struct netaddress client;
	int64_t until[RATES];
};

static struct netaddress
client_key(struct netaddress const *client)
{
	struct netaddress key = *client;

	if (!netaddress_is_v4(client))
		memset(key.bytes + IPV6_NETWORK, 0, sizeof key.bytes - IPV6_NETWORK);
	return key;
}

static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* The set of a client: nobody outside can choose addresses that share one. */
static struct rates_entry *
set_of(struct rates const *rates, struct netaddress const *key)
{
	uint64_t half[2], h;

	memcpy(half, key->bytes, sizeof half);
	h = mix(mix(half[0] ^ rates->secret[0]) + (half[1] ^ rates->secret[1]));
	return rates->entries + h % RATES_SETS * RATES_WAYS;
}

/* Microseconds that one costs. */
static int64_t
price(struct rate_limit const *limit)
{
	int64_t each = (int64_t)limit->seconds * 1000000 / limit->count;

	return each ? each : 1;
}

/* The largest part of a limit that the entry has used up, in thousandths. */
static int64_t
usage(struct rates const *rates, struct rates_entry const *entry, int64_t now)
{
	int64_t most = 0;

	for (int r = 0; r < RATES; r++) {
		int64_t owed = entry->until[r] - now;

		if (rates->limits[r].count == 0 || owed <= 0)
			continue;
		owed = owed / rates->limits[r].seconds / 1000 + 1;
		if (owed > most)
			most = owed;
	}
	return most;
}

static struct rates_entry *
entry_find(struct rates const *rates, struct netaddress const *key)
{
	struct rates_entry *set = set_of(rates, key);

	for (int i = 0; i < RATES_WAYS; i++)
		if (memcmp(set[i].client.bytes, key->bytes, sizeof key->bytes) == 0)
			return &set[i];
	return NULL;
}

/* The client's entry; a new one in the place of who has used least. */
static struct rates_entry *
entry_get(struct rates const *rates, struct netaddress const *client, int64_t now)
{
	struct netaddress key = client_key(client);
	struct rates_entry *entry = entry_find(rates, &key);
	struct rates_entry *set = set_of(rates, &key);
	int64_t least = INT64_MAX;

	if (entry)
		return entry;
	for (int i = 0; i < RATES_WAYS; i++) {
		int64_t used = usage(rates, &set[i], now);

		if (used < least) {
			least = used;
			entry = &set[i];
		}
	}
	memset(entry, 0, sizeof *entry);
	entry->client = key;
	return entry;
}

static int
is_limited(struct rates const *rates, enum rate rate)
{
	return rates->entries && rates->limits[rate].count;
}

/* How many are left, given until when it has used up. */
static int64_t
left(struct rate_limit const *limit, int64_t until, int64_t now)
{
	int64_t free = now + (int64_t)limit->seconds * 1000000 - (until > now ? until : now);

	return free > 0 ? free / price(limit) : 0;
}

int
rates_configure(struct rates *rates, struct rate_limit const limits[RATES])
{
	int any = 0;

	for (int r = 0; r < RATES; r++)
		any |= limits[r].count != 0;
	if (any && !rates->entries) {
		rates->entries = calloc((size_t)RATES_SETS * RATES_WAYS, sizeof *rates->entries);
		if (!rates->entries)
			return -1;
		random_buf((char *)rates->secret, sizeof rates->secret);
	}
	memcpy(rates->limits, limits, sizeof rates->limits);
	return 0;
}

uint32_t
rates_take(struct rates *rates, struct netaddress const *client, enum rate rate, uint32_t wanted,
	int64_t now)
{
	struct rate_limit const *limit = &rates->limits[rate];
	struct rates_entry *entry;
	int64_t can;

	if (!is_limited(rates, rate))
		return wanted;
	now *= 1000;
	entry = entry_get(rates, client, now);
	can = left(limit, entry->until[rate], now);
	if (can > wanted)
		can = wanted;
	if (entry->until[rate] < now)
		entry->until[rate] = now;
	entry->until[rate] += can * price(limit);
	return (uint32_t)can;
}

void
rates_return(struct rates *rates, struct netaddress const *client, enum rate rate, uint32_t unused)
{
	struct netaddress key = client_key(client);
	struct rates_entry *entry;

	if (!is_limited(rates, rate))
		return;
	if (unused > rates->limits[rate].count)
		unused = rates->limits[rate].count;
	entry = entry_find(rates, &key);
	if (entry)
		entry->until[rate] -= unused * price(&rates->limits[rate]);
}

void
rates_count(struct rates *rates, struct netaddress const *client, enum rate rate, uint32_t count,
	int64_t now)
{
	struct rate_limit const *limit = &rates->limits[rate];
	struct rates_entry *entry;
	int64_t most;

	if (!is_limited(rates, rate))
		return;
	now *= 1000;
	if (count > limit->count)
		count = limit->count;
	entry = entry_get(rates, client, now);
	if (entry->until[rate] < now)
		entry->until[rate] = now;
	entry->until[rate] += count * price(limit);
	/* What is far over the limit is forgotten in the time of the limit too. */
	most = now + (int64_t)limit->seconds * 1000000;
	if (entry->until[rate] > most)
		entry->until[rate] = most;
}

int
rates_is_over(
	struct rates const *rates, struct netaddress const *client, enum rate rate, int64_t now)
{
	struct netaddress key = client_key(client);
	struct rates_entry const *entry;

	if (!is_limited(rates, rate))
		return 0;
	entry = entry_find(rates, &key);
	return entry && left(&rates->limits[rate], entry->until[rate], now * 1000) == 0;
}
