#ifndef SEND_IDSET_H
#define SEND_IDSET_H

#include <stddef.h>
#include <stdint.h>

/* The ids of all messages that send knows of, so that none is worked on twice. */
struct idset {
	uint64_t *slot; /* 0: free */
	size_t slots;   /* a power of two */
	size_t count;
};

#define IDSET_ZERO                                                                                 \
	{                                                                                          \
		NULL, 0, 0                                                                         \
	}

/* Adds id. Returns 1 when it is new, 0 when it was there, -1 without memory. */
int idset_add(struct idset *set, uint64_t id);

/* Whether id is in the set. */
int idset_has(struct idset const *set, uint64_t id);

/* The least id in the set; 0: it is empty. */
uint64_t idset_least(struct idset const *set);

/* Takes all out, and frees what the set holds. */
void idset_clear(struct idset *set);

void idset_remove(struct idset *set, uint64_t id);

#endif
