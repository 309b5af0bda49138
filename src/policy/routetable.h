#ifndef POLICY_ROUTETABLE_H
#define POLICY_ROUTETABLE_H

#include <skalibs/cdb.h>

#include "policy/domainmap.h"
#include "policy/filestamp.h"

/*
 * control/smtproutes: read as it stands, or through control/smtproutes.cdb,
 * where each key is found without the text being read. The text alone decides:
 * the compiled file says which text it was made of (size and time of its last
 * change), and for any other text, or none, it counts as not there.
 */
struct routetable {
	struct domainmap text; /* empty when the compiled file is used */
	cdb compiled;
	int is_compiled;
	struct filestamp text_stamp, compiled_stamp;
};

#define ROUTETABLE_ZERO                                                                            \
	{                                                                                          \
		DOMAINMAP_ZERO, CDB_ZERO, 0, {0, 0, 0, 0, 0},                                      \
		{                                                                                  \
			0, 0, 0, 0, 0                                                              \
		}                                                                                  \
	}

enum { ROUTETABLE_KEY_MAX = 1024 }; /* bytes of a key that can be compiled */

/*
 * Loads the table, or only looks whether it has changed since the last call.
 * Returns 0; or -1 with *why when it can not be read, and the table as it was.
 */
int routetable_refresh(struct routetable *table, stralloc *why);

/*
 * The line of exactly this key; or of a domain as in domainmap_find. Returns 1
 * with an entry that is good until the next refresh, 0 when there is none, or
 * -1 with *why when the compiled file is damaged.
 */
int routetable_exact(struct routetable const *table, struct span key, struct domainmap_entry *entry,
	stralloc *why);
int routetable_find(struct routetable const *table, struct span domain,
	struct domainmap_entry *entry, stralloc *why);

void routetable_free(struct routetable *table);

/*
 * Compiles the text into control/smtproutes.cdb, which is replaced at once and
 * whole; waits until the text is settled. Whether each line is right is the
 * caller's to look at before. Returns the number of keys, or -1 with *why.
 */
long routetable_compile(stralloc *why);

/* Whether there is a compiled file, and for which text. */
enum routetable_state { ROUTETABLE_NONE, ROUTETABLE_CURRENT, ROUTETABLE_STALE };
enum routetable_state routetable_compiled_state(void);

#endif
