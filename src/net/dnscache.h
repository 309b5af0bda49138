#ifndef NET_DNSCACHE_H
#define NET_DNSCACHE_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "wire/dnsmessage.h"

/*
 * Answers of DNS that a process keeps for itself: a remote worker, which asks
 * about one destination only, and again for each connection. As long as their
 * TTL says, within limits, but not at all when it is 0; what does not exist as
 * long as RFC 2308 allows.
 */
enum {
	DNSCACHE_ENTRIES = 64,       /* then the one that would go first makes room */
	DNSCACHE_MESSAGE_MAX = 4096, /* bytes; longer answers are not kept */
	DNSCACHE_TTL_MIN = 5,        /* seconds, of a TTL that is shorter */
	DNSCACHE_TTL_MAX = 3600,
	DNSCACHE_NOTHING_MAX = 300 /* of an answer that there is nothing */
};

struct dnscache {
	size_t length;
	struct dnscache_entry {
		struct dns_name name;
		enum dns_type type;
		int64_t until; /* clock_monotonic() */
		stralloc message;
	} entry[DNSCACHE_ENTRIES];
};

/*
 * Keeps the answer to a question, if it may be kept. now is clock_monotonic().
 * Without memory it is not kept.
 */
void dnscache_put(struct dnscache *cache, struct dns_name const *name, enum dns_type type,
	struct dns_answer const *answer, int64_t now);

/*
 * Finds the answer to a question and parses it; it looks into the cache, until
 * the next put. Returns 1; or 0 when there is none that still holds.
 */
int dnscache_get(struct dnscache const *cache, struct dns_name const *name, enum dns_type type,
	struct dns_answer *answer, int64_t now);

#endif
