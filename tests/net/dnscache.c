#include "net/dnscache.h"

#include <stdlib.h>

#include "tests/tap.h"

enum { SECOND = 1000, NOW = 5000000 };

static struct dnscache cache;

static struct dns_name
name_of(char const *text)
{
	struct dns_name name;

	if (dns_name_parse(&name, span_string(text)) == -1)
		exit(1);
	return name;
}

/* Keeps "text A" with so many copies of one address, or with none and an SOA. */
static void
keep(char const *text, unsigned ttl, unsigned records, int64_t now)
{
	static char message[70000];
	struct dns_name name = name_of(text);
	struct dns_answer answer;
	size_t len = dns_query_format(message, 0x1234, &name, DNS_A, 0);
	char const tail[] = {
		0, 1, (char)(ttl >> 24), (char)(ttl >> 16), (char)(ttl >> 8), (char)ttl};

	message[2] = (char)0x81;
	message[3] = (char)0x80;
	message[records ? 7 : 9] = (char)(records ? records : 1);
	message[6] = (char)(records >> 8);
	for (unsigned i = 0; i < (records ? records : 1); i++) {
		memcpy(message + len, records ? "\xc0\x0c\0\1" : "\xc0\x0c\0\6", 4);
		memcpy(message + len + 4, tail, sizeof tail);
		memcpy(message + len + 10, records ? "\0\4abcd" : "\0\26\0\0\0\0", 6);
		len += 16;
		if (records == 0) {
			memset(message + len - 4, 0, 22);
			memcpy(message + len + 14, tail + 2, 4);
			len += 18;
		}
	}
	if (dns_answer_parse(&answer, message, len, 0x1234, &name, DNS_A) == -1)
		exit(1);
	dnscache_put(&cache, &name, DNS_A, &answer, now);
}

/* Keeps that "text A" leads by a CNAME to a name that does not exist, all for 900000 seconds. */
static void
keep_dead_link(char const *text, int64_t now)
{
	static char const records[] = "\xc0\x0c\0\5\0\1\0\x0d\xbb\xa0\0\4\1b\xc0\x0c"
				      "\xc0\x0c\0\6\0\1\0\x0d\xbb\xa0\0\26\0\0"
				      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0d\xbb\xa0";
	char message[512];
	struct dns_name name = name_of(text);
	struct dns_answer answer;
	size_t len = dns_query_format(message, 0x1234, &name, DNS_A, 0);

	message[2] = (char)0x81;
	message[3] = (char)0x83;
	message[7] = message[9] = 1;
	memcpy(message + len, records, sizeof records - 1);
	len += sizeof records - 1;
	if (dns_answer_parse(&answer, message, len, 0x1234, &name, DNS_A) == -1 ||
		answer.links != 1 || dns_answer_lifetime(&answer) != 900000)
		exit(1);
	dnscache_put(&cache, &name, DNS_A, &answer, now);
}

static int
is_kept(char const *text, int64_t now)
{
	struct dns_name name = name_of(text);
	struct dns_answer answer;

	return dnscache_get(&cache, &name, DNS_A, &answer, now);
}

static int
is_kept_until(char const *text, int64_t when)
{
	return is_kept(text, when - 1) && !is_kept(text, when);
}

static void
test_answers(void)
{
	struct dns_name name = name_of("A.Example");
	struct dns_answer answer;
	struct dns_record record;

	ok(!is_kept("a.example", NOW), "nothing is kept at first");
	keep("a.example", 60, 2, NOW);
	ok(dnscache_get(&cache, &name, DNS_A, &answer, NOW) && answer.records == 2 &&
			dns_answer_next(&answer, &record) == 1 &&
			memcmp(record.data.s, "abcd", 4) == 0,
		"an answer comes back, whatever the case of the question");
	ok(dnscache_get(&cache, &name, DNS_A, &answer, NOW) && answer.records == 2,
		"each time whole");
	ok(!dnscache_get(&cache, &name, DNS_AAAA, &answer, NOW), "to this question alone");
	ok(!is_kept("b.example", NOW), "of this name alone");
	keep("a.example", 60, 0, NOW);
	ok(dnscache_get(&cache, &name, DNS_A, &answer, NOW) && answer.records == 0 &&
			cache.length == 1,
		"a newer one takes its place");
}

static void
test_times(void)
{
	keep("plain.example", 60, 1, NOW);
	ok(is_kept_until("plain.example", NOW + 60 * SECOND), "as long as the TTL says");
	keep("zero.example", 0, 1, NOW);
	ok(!is_kept("zero.example", NOW), "not at all when it is 0");
	keep("short.example", 1, 1, NOW);
	ok(is_kept_until("short.example", NOW + DNSCACHE_TTL_MIN * SECOND), "a short one");
	keep("long.example", 900000, 1, NOW);
	ok(is_kept_until("long.example", NOW + DNSCACHE_TTL_MAX * SECOND), "a long one");
	keep("none.example", 100, 0, NOW);
	ok(is_kept_until("none.example", NOW + 100 * SECOND), "nothing, as long as its SOA says");
	keep("never.example", 900000, 0, NOW);
	ok(is_kept_until("never.example", NOW + DNSCACHE_NOTHING_MAX * SECOND), "but not too long");
	keep_dead_link("link.example", NOW);
	ok(is_kept_until("link.example", NOW + DNSCACHE_NOTHING_MAX * SECOND),
		"nor a link to nothing");
}

static void
test_limits(void)
{
	char text[32];
	unsigned kept = 0;

	for (int i = 0; i < DNSCACHE_ENTRIES * 2; i++) {
		snprintf(text, sizeof text, "n%d.example", i);
		keep(text, 1000 + (unsigned)i, 1, NOW);
	}
	for (int i = 0; i < DNSCACHE_ENTRIES * 2; i++) {
		snprintf(text, sizeof text, "n%d.example", i);
		kept += is_kept(text, NOW) != 0;
	}
	ok(cache.length == DNSCACHE_ENTRIES && kept > DNSCACHE_ENTRIES / 2 && is_kept(text, NOW) &&
			!is_kept("n0.example", NOW),
		"there is a most; what would go first made room");
	/* 12 bytes of header, 15 of question, 16 each record */
	keep("l.example", 3000, (DNSCACHE_MESSAGE_MAX - 27) / 16, NOW);
	ok(is_kept("l.example", NOW), "a long answer");
	keep("m.example", 3000, (DNSCACHE_MESSAGE_MAX - 27) / 16 + 1, NOW);
	ok(!is_kept("m.example", NOW), "a longer one is not kept");
}

int
main(void)
{
	test_answers();
	test_times();
	test_limits();
	return tap_end();
}
