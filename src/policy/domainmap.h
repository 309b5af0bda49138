#ifndef POLICY_DOMAINMAP_H
#define POLICY_DOMAINMAP_H

#include "lib/control.h"
#include "lib/span.h"

/*
 * A list of domains from a control file, each with or without a value after
 * its first colon (locals, virtualdomains, smtproutes, retry, throttle, ...).
 * Keys compare without case; of two lines with one key the later one counts,
 * as in qmail.
 */
enum domainmap_kind {
	DOMAINMAP_KEYS,  /* a line is a key */
	DOMAINMAP_VALUES /* a line is key:value; a line without a colon is ignored, as in qmail */
};

struct domainmap {
	enum domainmap_kind kind;
	struct control_list list;
	struct domainmap_slot *slots;
	size_t slot_count;
	size_t entries;
};

#define DOMAINMAP_ZERO                                                                             \
	{                                                                                          \
		DOMAINMAP_KEYS, CONTROL_LIST_ZERO, NULL, 0, 0                                      \
	}

struct domainmap_entry {
	struct span key, value;
	unsigned line;
};

/*
 * Loads control/name, replacing what the map held. Returns 1; 0 when there is
 * no such file (the map is then empty); or -1 with *why, the map unchanged.
 */
int domainmap_load(
	struct domainmap *map, char const *name, enum domainmap_kind kind, stralloc *why);

/* The entry of exactly this key. Returns 1, or 0. */
int domainmap_exact(struct domainmap const *map, struct span key, struct domainmap_entry *entry);

/*
 * The entry for a domain: the whole domain; then each suffix that begins with
 * a dot, longest first; then the empty key. Returns 1, or 0.
 */
int domainmap_find(struct domainmap const *map, struct span domain, struct domainmap_entry *entry);

/* The i-th line that counts, for checks and listings: 0 <= i < entries. */
int domainmap_entry_at(struct domainmap const *map, size_t i, struct domainmap_entry *entry);

void domainmap_free(struct domainmap *map);

#endif
