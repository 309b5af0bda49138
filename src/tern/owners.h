#ifndef TERN_OWNERS_H
#define TERN_OWNERS_H

#include "tern/table.h"

/* What the accounts of the table are on this machine. */
struct owners {
	uid_t uid[ACCOUNTS];
	gid_t gid[ACCOUNTS]; /* each one's own group */
	gid_t tern;
};

/*
 * Looks the accounts up. Returns how many of them (and the group) are missing;
 * only when that is 0 is *owners of use.
 */
unsigned owners_find(struct owners *owners);

/* Creates those that are missing, after saying which. Exits when it can not. */
void owners_create(void);

/* Prints the names of those that are missing to standard error. */
void owners_say_missing(void);

/*
 * Makes what is missing of the table, except programs, below the working
 * directory; everything belongs to whoever calls.
 */
void owners_make(void);

/*
 * Gives everything in the table that is there its owner and mode. Exits when
 * it can not.
 */
void owners_apply(struct owners const *owners);

/* The same for what is below the folder of that name, such as "queue". */
void owners_apply_below(struct owners const *owners, char const *folder);

#endif
