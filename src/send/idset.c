#include "send/idset.h"

#include <stdlib.h>

static size_t
home_slot(struct idset const *set, uint64_t id)
{
	return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (set->slots - 1);
}

static size_t
slot_find(struct idset const *set, uint64_t id)
{
	size_t i = home_slot(set, id);

	while (set->slot[i] && set->slot[i] != id)
		i = (i + 1) & (set->slots - 1);
	return i;
}

static int
grow(struct idset *set)
{
	struct idset larger = {NULL, set->slots ? set->slots * 2 : 64, set->count};

	larger.slot = calloc(larger.slots, sizeof *larger.slot);
	if (!larger.slot)
		return -1;
	for (size_t i = 0; i < set->slots; i++)
		if (set->slot[i])
			larger.slot[slot_find(&larger, set->slot[i])] = set->slot[i];
	free(set->slot);
	*set = larger;
	return 0;
}

int
idset_add(struct idset *set, uint64_t id)
{
	size_t i;

	if (set->count >= set->slots / 4 * 3 && grow(set) == -1)
		return -1;
	i = slot_find(set, id);
	if (set->slot[i])
		return 0;
	set->slot[i] = id;
	set->count++;
	return 1;
}

int
idset_has(struct idset const *set, uint64_t id)
{
	return set->slots && set->slot[slot_find(set, id)];
}

uint64_t
idset_least(struct idset const *set)
{
	uint64_t least = 0;

	for (size_t i = 0; i < set->slots; i++)
		if (set->slot[i] && (least == 0 || set->slot[i] < least))
			least = set->slot[i];
	return least;
}

void
idset_clear(struct idset *set)
{
	free(set->slot);
	*set = (struct idset)IDSET_ZERO;
}

/* What stands behind a freed slot moves up, so that no search ends too early. */
void
idset_remove(struct idset *set, uint64_t id)
{
	size_t mask = set->slots - 1;
	size_t hole, i;

	if (set->slots == 0)
		return;
	hole = slot_find(set, id);
	if (!set->slot[hole])
		return;
	set->count--;
	for (i = (hole + 1) & mask; set->slot[i]; i = (i + 1) & mask) {
		size_t home = home_slot(set, set->slot[i]);

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			set->slot[hole] = set->slot[i];
			hole = i;
		}
	}
	set->slot[hole] = 0;
}
