#include "policy/domainmap.h"

#include <stdint.h>
#include <stdlib.h>

/* A hash table with open addressing; a slot is the number of a line plus one. */
struct domainmap_slot {
	size_t line;
};

static uint32_t
hash(struct span key)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < key.len; i++) {
		unsigned char c = (unsigned char)key.s[i];

		h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619u;
	}
	return h;
}

static void
line_split(struct control_line const *line, enum domainmap_kind kind, struct domainmap_entry *entry)
{
	struct span rest = line->text;

	if (kind == DOMAINMAP_VALUES) {
		entry->key = span_cut(&rest, ':');
		entry->value = rest;
	} else {
		entry->key = rest;
		entry->value = span("", 0);
	}
	entry->line = line->number;
}

int
domainmap_entry_at(struct domainmap const *map, size_t i, struct domainmap_entry *entry)
{
	if (i >= map->entries)
		return 0;
	line_split(control_list_line(&map->list, i), map->kind, entry);
	return 1;
}

/* The slot of the key, or the empty one where it would go. */
static struct domainmap_slot *
slot_find(struct domainmap const *map, struct span key)
{
	size_t i = hash(key) & (map->slot_count - 1);
	struct domainmap_entry entry;

	for (;; i = (i + 1) & (map->slot_count - 1)) {
		if (map->slots[i].line == 0)
			return &map->slots[i];
		domainmap_entry_at(map, map->slots[i].line - 1, &entry);
		if (span_case_equal(entry.key, key))
			return &map->slots[i];
	}
}

/* Drops the lines that do not count, so that what is left can be numbered. */
static void
lines_select(struct domainmap *map)
{
	size_t kept = 0;

	for (size_t i = 0; i < control_list_length(&map->list); i++) {
		struct control_line line = *control_list_line(&map->list, i);

		if (map->kind == DOMAINMAP_VALUES && span_find(line.text, ':') == line.text.len)
			continue;
		genalloc_s(struct control_line, &map->list.lines)[kept++] = line;
	}
	genalloc_setlen(struct control_line, &map->list.lines, kept);
	map->entries = kept;
}

static int
index_build(struct domainmap *map)
{
	struct domainmap_entry entry;

	lines_select(map);
	map->slot_count = 4;
	while (map->slot_count < map->entries * 2)
		map->slot_count *= 2;
	map->slots = calloc(map->slot_count, sizeof *map->slots);
	if (!map->slots)
		return -1;
	for (size_t i = 0; i < map->entries; i++) {
		domainmap_entry_at(map, i, &entry);
		slot_find(map, entry.key)->line = i + 1;
	}
	return 0;
}

int
domainmap_load(struct domainmap *map, char const *name, enum domainmap_kind kind, stralloc *why)
{
	struct domainmap fresh = DOMAINMAP_ZERO;
	int r;

	fresh.kind = kind;
	r = control_list_read(&fresh.list, name, why);
	if (r != -1 && index_build(&fresh) == -1)
		r = control_complain(why, name, 0, "out of memory", span("", 0));
	if (r == -1) {
		domainmap_free(&fresh);
		return -1;
	}
	domainmap_free(map);
	*map = fresh;
	return r;
}

int
domainmap_exact(struct domainmap const *map, struct span key, struct domainmap_entry *entry)
{
	struct domainmap_slot *slot;

	if (map->entries == 0)
		return 0;
	slot = slot_find(map, key);
	return slot->line && domainmap_entry_at(map, slot->line - 1, entry);
}

int
domainmap_find(struct domainmap const *map, struct span domain, struct domainmap_entry *entry)
{
	if (map->entries == 0)
		return 0;
	if (domainmap_exact(map, domain, entry))
		return 1;
	for (size_t i = 0; i < domain.len; i++)
		if (domain.s[i] == '.' &&
			domainmap_exact(map, span(domain.s + i, domain.len - i), entry))
			return 1;
	return domainmap_exact(map, span("", 0), entry);
}

void
domainmap_free(struct domainmap *map)
{
	control_list_free(&map->list);
	free(map->slots);
	map->slots = NULL;
	map->slot_count = map->entries = 0;
}
