/* How old the mail is, by destination: a row each, columns by age. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/exits.h"
#include "lib/json.h"
#include "lib/text.h"
#include "tern/queuecommands.h"
#include "tern/queueeach.h"

#define USAGE "tern queue shape [--json] [--dir DIR] [SELECTION]"

enum { COLUMNS = 10, ROWS_SHOWN = 40, BUCKETS = 4096, NAME_MIN = 30, NAME_MAX_SHOWN = 60 };

/* In minutes, each twice the one before; the last column is what is older. */
static char const *const titles[COLUMNS] = {
	"5", "10", "20", "40", "80", "160", "320", "640", "1280", "1280+"};

struct row {
	struct row *next; /* in its bucket */
	uint64_t total, age[COLUMNS];
	struct span name; /* which stands behind it */
};

struct shape {
	struct row *bucket[BUCKETS];
	genalloc rows; /* struct row * */
	struct row total;
	uint64_t now;
};

static size_t
column_of(uint64_t age)
{
	size_t column = 0;

	for (uint64_t bound = 300; column < COLUMNS - 1 && age >= bound; bound *= 2)
		column++;
	return column;
}

static uint32_t
hash_of(struct span name)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ ((unsigned char)name.s[i] | 32u)) * 16777619u;
	return h;
}

static struct row *
row_get(struct shape *s, struct span name)
{
	struct row **bucket = &s->bucket[hash_of(name) % BUCKETS];
	struct row *row;

	for (row = *bucket; row; row = row->next)
		if (span_case_equal(row->name, name))
			return row;
	row = calloc(1, sizeof *row + name.len);
	memory_or_die(row != NULL);
	memcpy((char *)(row + 1), name.s, name.len);
	row->name = span((char *)(row + 1), name.len);
	row->next = *bucket;
	*bucket = row;
	memory_or_die(genalloc_append(struct row *, &s->rows, &row));
	return row;
}

static void
count_in(struct row *row, size_t column)
{
	row->total++;
	row->age[column]++;
}

/* Each recipient that is not done counts, as in qshape. */
static void
message_count(void *context, struct queued const *q)
{
	struct shape *s = context;
	uint64_t arrival = q->id / 1000000;
	size_t column = column_of(s->now > arrival ? s->now - arrival : 0);

	for (uint64_t i = 0; i < q->deliveries.length; i++) {
		struct delivery const *d = &q->deliveries.recipient[i];

		if (d->status == DELIVERY_DONE)
			continue;
		count_in(row_get(s, recipient_domain(d->recipient)), column);
		count_in(&s->total, column);
	}
}

static int
compare(void const *a, void const *b)
{
	struct row const *x = *(struct row *const *)a, *y = *(struct row *const *)b;

	size_t len = x->name.len < y->name.len ? x->name.len : y->name.len;

	return x->total != y->total ? (x->total < y->total) - (x->total > y->total)
				    : strncmp(x->name.s, y->name.s, len);
}

/* Of the column of names: the longest of those shown, within bounds. */
static size_t
name_width(struct row *const *rows, size_t count)
{
	size_t width = NAME_MIN;

	for (size_t i = 0; i < count && i < ROWS_SHOWN; i++)
		if (rows[i]->name.len > width)
			width = rows[i]->name.len;
	return width < NAME_MAX_SHOWN ? width : NAME_MAX_SHOWN;
}

static int
row_print(stralloc *out, struct span name, size_t width, struct row const *row)
{
	char text[32];
	size_t start = out->len;

	if (name.len > width)
		name.len = width;
	if (!text_append_clean(out, name))
		return 0;
	while (out->len - start < width)
		if (!stralloc_cats(out, " "))
			return 0;
	snprintf(text, sizeof text, " %7llu", (unsigned long long)row->total);
	if (!stralloc_cats(out, text))
		return 0;
	for (size_t i = 0; i < COLUMNS; i++) {
		snprintf(text, sizeof text, " %5llu", (unsigned long long)row->age[i]);
		if (!stralloc_cats(out, text))
			return 0;
	}
	return stralloc_cats(out, "\n");
}

static int
table_print(stralloc *out, struct shape const *s)
{
	struct row *const *rows = genalloc_s(struct row *, &s->rows);
	size_t count = genalloc_len(struct row *, &s->rows);
	size_t width = name_width(rows, count);
	char text[100];
	int good;

	snprintf(text, sizeof text, "%-*s %7s", (int)width, "recipients by age in minutes", "all");
	good = stralloc_cats(out, text);
	for (size_t i = 0; good && i < COLUMNS; i++) {
		snprintf(text, sizeof text, " %5s", titles[i]);
		good = stralloc_cats(out, text);
	}
	good = good && stralloc_cats(out, "\n") &&
	       row_print(out, SPAN_LITERAL("all"), width, &s->total);
	for (size_t i = 0; good && i < count && i < ROWS_SHOWN; i++)
		good = row_print(out, rows[i]->name, width, rows[i]);
	snprintf(text, sizeof text, "and %lu more destinations\n",
		(unsigned long)(count - ROWS_SHOWN));
	return good && (count <= ROWS_SHOWN || stralloc_cats(out, text));
}

static int
objects_print(stralloc *out, struct shape const *s)
{
	int good = 1;

	for (size_t i = 0; good && i < genalloc_len(struct row *, &s->rows); i++) {
		struct row const *row = genalloc_s(struct row *, &s->rows)[i];

		good = stralloc_cats(out, "{\"destination\":") &&
		       json_append_string(out, row->name) &&
		       json_append_number_field(out, "recipients", row->total) &&
		       stralloc_cats(out, ",\"minutes\":{");
		for (size_t c = 0; good && c < COLUMNS; c++)
			good = text_append(out, c ? ",\"" : "\"", titles[c], "\":", (char *)NULL) &&
			       text_append_number(out, row->age[c]);
		good = good && stralloc_cats(out, "}}\n");
	}
	return good;
}

int
queue_shape_main(int argc, char const *const *argv)
{
	static struct shape s;
	struct queue_options options;
	struct queue_access access;
	stralloc out = STRALLOC_ZERO;
	int result;

	queue_options_read(&options, argc, argv, ACCEPT_SELECTION, USAGE);
	queue_access_open(&access, options.directory, INTENT_READ);
	s.now = clock_wall() / 1000000;
	options.shows_progress = 1;
	result = queue_each(&access, &options, message_count, &s);
	if (genalloc_len(struct row *, &s.rows))
		qsort(genalloc_s(struct row *, &s.rows), genalloc_len(struct row *, &s.rows),
			sizeof(struct row *), compare);
	memory_or_die(options.json ? objects_print(&out, &s) : table_print(&out, &s));
	output_flush(&out);
	return result == 0 ? EXIT_OK : EXIT_TEMPORARY;
}
