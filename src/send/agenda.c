#include "send/agenda.h"

#include <stdlib.h>

enum { RETRY_SHARE = 4 };

static int
earlier(struct agenda_item a, struct agenda_item b)
{
	return a.due < b.due || (a.due == b.due && a.id < b.id);
}

int
agenda_add(struct agenda *agenda, uint64_t id, uint64_t due)
{
	struct agenda_item item = {due, id};
	size_t i = agenda->length;

	if (agenda->length == agenda->room) {
		size_t room = agenda->room ? agenda->room + agenda->room / 2 : 64;
		struct agenda_item *heap = realloc(agenda->heap, room * sizeof *heap);

		if (!heap)
			return -1;
		agenda->heap = heap;
		agenda->room = room;
	}
	for (; i && earlier(item, agenda->heap[(i - 1) / 2]); i = (i - 1) / 2)
		agenda->heap[i] = agenda->heap[(i - 1) / 2];
	agenda->heap[i] = item;
	agenda->length++;
	return 0;
}

/* Puts the item into the hole at i or, while children are earlier, below it. */
static void
sift_down(struct agenda *agenda, size_t i, struct agenda_item item)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= agenda->length)
			break;
		if (child + 1 < agenda->length &&
			earlier(agenda->heap[child + 1], agenda->heap[child]))
			child++;
		if (!earlier(agenda->heap[child], item))
			break;
		agenda->heap[i] = agenda->heap[child];
		i = child;
	}
	agenda->heap[i] = item;
}

static uint64_t
heap_take(struct agenda *agenda)
{
	uint64_t id = agenda->heap[0].id;

	agenda->length--;
	sift_down(agenda, 0, agenda->heap[agenda->length]);
	return id;
}

static int
id_compare(void const *a, void const *b)
{
	uint64_t x = *(uint64_t const *)a, y = *(uint64_t const *)b;

	return (x > y) - (x < y);
}

void
agenda_hasten(struct agenda *agenda, uint64_t *ids, size_t count)
{
	qsort(ids, count, sizeof *ids, id_compare);
	for (size_t i = 0; i < agenda->length; i++)
		if (bsearch(&agenda->heap[i].id, ids, count, sizeof *ids, id_compare))
			agenda->heap[i].due = 0;
	for (size_t i = agenda->length / 2; i > 0; i--)
		sift_down(agenda, i - 1, agenda->heap[i - 1]);
}

static size_t
fresh_take_out(struct agenda *agenda, struct idset const *set, uint64_t *taken)
{
	size_t kept = 0, n = 0;

	for (size_t i = 0; i < agenda->fresh_length; i++) {
		uint64_t id = agenda->fresh[(agenda->fresh_first + i) % agenda->fresh_room];

		if (idset_has(set, id))
			taken[n++] = id;
		else
			agenda->fresh[(agenda->fresh_first + kept++) % agenda->fresh_room] = id;
	}
	agenda->fresh_length = kept;
	return n;
}

static size_t
heap_take_out(struct agenda *agenda, struct idset const *set, uint64_t *taken)
{
	size_t kept = 0, n = 0;

	for (size_t i = 0; i < agenda->length; i++) {
		if (idset_has(set, agenda->heap[i].id))
			taken[n++] = agenda->heap[i].id;
		else
			agenda->heap[kept++] = agenda->heap[i];
	}
	agenda->length = kept;
	for (size_t i = n ? kept / 2 : 0; i > 0; i--)
		sift_down(agenda, i - 1, agenda->heap[i - 1]);
	return n;
}

size_t
agenda_take_out(struct agenda *agenda, struct idset const *set, uint64_t *taken)
{
	size_t n = fresh_take_out(agenda, set, taken);

	return n + heap_take_out(agenda, set, taken + n);
}

uint64_t
agenda_oldest_fresh(struct agenda const *agenda)
{
	uint64_t oldest = 0;

	for (size_t i = 0; i < agenda->fresh_length; i++) {
		uint64_t id = agenda->fresh[(agenda->fresh_first + i) % agenda->fresh_room];

		if (oldest == 0 || id < oldest)
			oldest = id;
	}
	return oldest;
}

uint64_t
agenda_oldest_waiting(struct agenda const *agenda)
{
	uint64_t oldest = 0;

	for (size_t i = 0; i < agenda->length; i++)
		if (oldest == 0 || agenda->heap[i].id < oldest)
			oldest = agenda->heap[i].id;
	return oldest;
}

int
agenda_add_fresh(struct agenda *agenda, uint64_t id)
{
	if (agenda->fresh_length == agenda->fresh_room) {
		size_t room = agenda->fresh_room ? agenda->fresh_room * 2 : 64;
		uint64_t *ring = malloc(room * sizeof *ring);

		if (!ring)
			return -1;
		for (size_t i = 0; i < agenda->fresh_length; i++)
			ring[i] = agenda->fresh[(agenda->fresh_first + i) % agenda->fresh_room];
		free(agenda->fresh);
		agenda->fresh = ring;
		agenda->fresh_first = 0;
		agenda->fresh_room = room;
	}
	agenda->fresh[(agenda->fresh_first + agenda->fresh_length++) % agenda->fresh_room] = id;
	return 0;
}

int
agenda_take(struct agenda *agenda, uint64_t now, uint64_t *id, enum agenda_reason *reason)
{
	int retry_due = agenda->length && agenda->heap[0].due <= now;

	*reason = AGENDA_NEW;
	if (retry_due && (agenda->fresh_length == 0 || ++agenda->turn % RETRY_SHARE == 0)) {
		*reason = agenda->heap[0].due == 0 ? AGENDA_FORCED : AGENDA_DUE;
		*id = heap_take(agenda);
		return 1;
	}
	if (agenda->fresh_length == 0)
		return 0;
	*id = agenda->fresh[agenda->fresh_first];
	agenda->fresh_first = (agenda->fresh_first + 1) % agenda->fresh_room;
	agenda->fresh_length--;
	return 1;
}

uint64_t
agenda_next(struct agenda const *agenda)
{
	if (agenda->fresh_length)
		return 0;
	return agenda->length ? agenda->heap[0].due : UINT64_MAX;
}

/* Equal times keep the heap a heap: its order by id may be lost, no more. */
void
agenda_all_due(struct agenda *agenda)
{
	for (size_t i = 0; i < agenda->length; i++)
		agenda->heap[i].due = 0;
}

void
agenda_clock_back(struct agenda *agenda, uint64_t seconds)
{
	for (size_t i = 0; i < agenda->length; i++) {
		struct agenda_item *item = &agenda->heap[i];

		if (item->due)
			item->due = item->due > seconds ? item->due - seconds : 1;
	}
}

size_t
agenda_length(struct agenda const *agenda)
{
	return agenda->length + agenda->fresh_length;
}
