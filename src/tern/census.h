#ifndef TERN_CENSUS_H
#define TERN_CENSUS_H

#include <stdint.h>

/* How much is in the queue, by the names of its files alone. */
struct census {
	uint64_t messages;
	uint64_t deferred; /* of them, with a history: tried at least once, not done */
	uint64_t bad;      /* set aside */
	uint64_t oldest;   /* microseconds since 1970; of use only when there are messages */
};

/* Counts. Returns 0; or -1, after a warning, when the queue can not be read (all is then 0). */
int census_take(struct census *census);

/* Those set aside alone; 0, after a warning, when they can not be counted. */
uint64_t census_bad(void);

#endif
