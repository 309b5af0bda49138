#ifndef POLICY_FILESTAMP_H
#define POLICY_FILESTAMP_H

#include <stdint.h>

/*
 * What a file looks like from outside, so that one that has not changed need
 * not be read again. A file that is not there has a stamp too.
 */
struct filestamp {
	uint64_t inode, size, seconds, nanoseconds; /* all 0: not there */
	/* Whether a later change is bound to show: a file that was written to just now may be
	 * written to again within one tick of the file system's clock. */
	int is_settled;
};

/* Seconds after its last change that a file counts as settled. */
enum { FILESTAMP_SETTLED_AFTER = 2 };

/* What the file looks like now. */
struct filestamp filestamp_take(char const *path);

/* Whether nothing can have changed between the two. */
int filestamp_same(struct filestamp before, struct filestamp now);

#endif
