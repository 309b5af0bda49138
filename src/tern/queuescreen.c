/* The screen of tern queue top: plain ANSI (ECMA-48), drawn over what was there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/text.h"
#include "tern/queueview.h"
#include "tern/words.h"

#define BOLD "\033[1m"
#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"
#define LINE_END "\033[K\n"

enum { HEAD_ROWS = 11, TIME_AT = 11 /* in a date */ };

struct drawing {
	struct queue_view const *view;
	struct queue_screen const *screen;
	stralloc out, row;
	size_t rows; /* drawn */
};

/* Draws the row: cut to the width, the rest of the line on the screen cleared. */
static void
row_end(struct drawing *d, char const *colour)
{
	size_t len = d->row.len < d->screen->columns ? d->row.len : d->screen->columns;
	int has_colour = d->screen->has_colour && *colour;

	if (d->rows++ < d->screen->rows)
		memory_or_die((d->rows == 1 || stralloc_cats(&d->out, LINE_END)) &&
			      stralloc_cats(&d->out, has_colour ? colour : "") &&
			      stralloc_catb(&d->out, d->row.s, len) &&
			      stralloc_cats(&d->out, has_colour ? PLAIN : ""));
	d->row.len = 0;
}

static void
text_row(struct drawing *d, char const *text, char const *colour)
{
	memory_or_die(stralloc_cats(&d->row, text));
	row_end(d, colour);
}

/* --- numbers, in three columns --- */

static void
cell(struct drawing *d, char const *name, char const *value)
{
	char text[120];

	snprintf(text, sizeof text, "%-10s %11s    ", name, value);
	memory_or_die(stralloc_cats(&d->row, text));
}

static void
number_cell(struct drawing *d, char const *name, enum queue_count count)
{
	char text[WORDS_MAX];

	snprintf(text, sizeof text, "%llu", (unsigned long long)d->view->now.value[count]);
	cell(d, name, text);
}

static void
rate_cell(struct drawing *d, char const *name, double rate)
{
	char text[WORDS_MAX];

	snprintf(text, sizeof text, "%.1f", rate);
	cell(d, name, text);
}

static void
share_cell(struct drawing *d, char const *name, enum queue_count running, enum queue_count limit)
{
	uint64_t const *c = d->view->now.value;
	char text[WORDS_MAX * 2];

	snprintf(text, sizeof text, "%llu of %llu", (unsigned long long)c[running],
		(unsigned long long)c[limit]);
	cell(d, name, text);
}

static void
latency_cell(struct drawing *d, char const *name, unsigned percent)
{
	uint64_t bound = queue_view_latency(d->view, percent);
	char text[WORDS_MAX];

	if (bound == 0)
		cell(d, name, "-");
	else if (bound == UINT64_MAX)
		cell(d, name, "long");
	else {
		snprintf(text, sizeof text, "in %g s", (double)bound / 1000);
		cell(d, name, text);
	}
}

static void
numbers(struct drawing *d)
{
	struct queue_rates r = queue_view_rates(d->view);
	char oldest[WORDS_MAX];
	uint64_t age = queue_view_oldest(&d->view->now);

	words_span(oldest, age);
	text_row(d, "MESSAGES                  A SECOND                  UNDER WAY", BOLD);
	number_cell(d, "new", COUNT_TODO);
	rate_cell(d, "in", r.in);
	share_cell(d, "local", COUNT_LOCAL_RUNNING, COUNT_LOCAL_LIMIT);
	row_end(d, "");
	number_cell(d, "deferred", COUNT_DEFERRED);
	rate_cell(d, "out", r.out);
	share_cell(d, "remote", COUNT_REMOTE_RUNNING, COUNT_REMOTE_LIMIT);
	row_end(d, "");
	number_cell(d, "active", COUNT_ACTIVE);
	rate_cell(d, "delivered", r.delivered);
	row_end(d, "");
	number_cell(d, "bouncing", COUNT_BOUNCE);
	rate_cell(d, "deferred", r.deferred);
	memory_or_die(stralloc_cats(&d->row, "DELIVERED"));
	row_end(d, "");
	number_cell(d, "held", COUNT_HOLD);
	rate_cell(d, "failed", r.failed);
	latency_cell(d, "half", 50);
	row_end(d, "");
	cell(d, "oldest", age ? oldest : "-");
	memory_or_die(stralloc_cats(&d->row, "                          "));
	latency_cell(d, "95 of 100", 95);
	row_end(d, "");
}

/* --- destinations and replies --- */

static void
destinations(struct drawing *d, size_t max)
{
	struct queue_destinations const *all = &d->view->destinations;

	text_row(d, "WORKERS  WAITING  DESTINATION", BOLD);
	for (size_t i = 0; i < all->rows && i < max; i++) {
		struct queue_destination const *row = &all->row[i];
		char text[64];

		snprintf(text, sizeof text, "%7llu  %7llu  ", (unsigned long long)row->running,
			(unsigned long long)row->waiting);
		memory_or_die(stralloc_cats(&d->row, text) &&
			      text_append_clean(&d->row, row->name) &&
			      stralloc_cats(&d->row, row->remote ? "" : " (local)") &&
			      stralloc_cats(&d->row, row->unreachable ? " (does not answer)" : ""));
		row_end(d, row->unreachable ? RED : "");
	}
	if (all->rows == 0)
		text_row(d, "      -        -  nothing is ready to be tried", "");
}

/* The server's own words, where there are any. */
static struct span
words_of(struct span text)
{
	static char const mark[] = "Remote host said: ";
	struct span rest = text;

	for (; rest.len >= sizeof mark - 1; rest.s++, rest.len--)
		if (memcmp(rest.s, mark, sizeof mark - 1) == 0)
			return span(rest.s + sizeof mark - 1, rest.len - (sizeof mark - 1));
	return text;
}

static int
is_same(struct queue_reply const *a, struct queue_reply const *b)
{
	return a->verdict == b->verdict && span_equal(a->destination, b->destination) &&
	       span_equal(a->text, b->text);
}

/* Newest first; those that say the same one after the other are one row. */
static void
replies(struct drawing *d)
{
	static struct {
		char const *word, *colour;
	} const results[] = {
		[VERDICT_DELIVERED] = {"ok", GREEN},
		[VERDICT_DEFERRED] = {"deferred", YELLOW},
		[VERDICT_FAILED] = {"failed", RED},
		[VERDICT_TROUBLE] = {"trouble", YELLOW},
	};
	struct queue_replies const *all = &d->view->replies;

	text_row(d, "LAST      RESULT    DESTINATION AND WORDS", BOLD);
	for (size_t i = 0, same; i < all->rows && d->rows < d->screen->rows; i += same) {
		struct queue_reply const *row = &all->row[i];
		char when[WORDS_MAX], text[64];

		for (same = 1; i + same < all->rows && is_same(row, &all->row[i + same]);)
			same++;
		words_time(when, row->when);
		snprintf(text, sizeof text, "%-8s  %-8s  ",
			strlen(when) > TIME_AT ? when + TIME_AT : when, results[row->verdict].word);
		memory_or_die(stralloc_cats(&d->row, text) &&
			      text_append_clean(&d->row, row->destination) &&
			      stralloc_cats(&d->row, ": ") &&
			      text_append_clean(&d->row, words_of(row->text)));
		snprintf(text, sizeof text, " (%lu times)", (unsigned long)same);
		memory_or_die(same == 1 || stralloc_cats(&d->row, text));
		row_end(d, results[row->verdict].colour);
	}
}

/* The name of the instance, and the time at the right. */
static void
title(struct drawing *d)
{
	char when[WORDS_MAX];
	size_t len;

	words_time(when, clock_wall() / 1000000);
	len = strlen(when);
	memory_or_die(text_append(&d->row, "tern queue  ", getenv("TERNHOME"), "  ", (char *)NULL));
	if (d->row.len + len > d->screen->columns && d->screen->columns > len + 2)
		d->row.len = d->screen->columns - len - 2;
	while (d->row.len + len < d->screen->columns)
		memory_or_die(stralloc_cats(&d->row, " "));
	text_row(d, when, BOLD);
}

void
queue_screen_print(struct queue_view const *view, struct queue_screen const *screen, int answered)
{
	struct drawing d = {view, screen, STRALLOC_ZERO, STRALLOC_ZERO, 0};
	size_t room = screen->rows > HEAD_ROWS ? screen->rows - HEAD_ROWS : 0;

	memory_or_die(stralloc_cats(&d.out, "\033[H"));
	title(&d);
	text_row(&d, "", "");
	if (answered) {
		numbers(&d);
		text_row(&d, "", "");
		destinations(&d, room / 2);
		text_row(&d, "", "");
		replies(&d);
	} else {
		text_row(&d, "tern-send does not run; waiting for it", RED);
	}
	memory_or_die(stralloc_cats(&d.out, "\033[K\033[J"));
	output_flush(&d.out);
	stralloc_free(&d.out);
	stralloc_free(&d.row);
}
