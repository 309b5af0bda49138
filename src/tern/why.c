/*
 * The life of a message, or of the last messages from or to an address, from
 * the queue and the logs: also when it is gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "lib/number.h"
#include "lib/text.h"
#include "tern/commands.h"
#include "tern/instance.h"
#include "tern/logfiles.h"
#include "tern/queueeach.h"
#include "tern/queueshow.h"
#include "tern/words.h"

#define USAGE "tern why [--dir DIR] ID|ADDRESS"

enum {
	EXIT_UNKNOWN = 1,
	LIVES_MAX = 100,       /* messages of an address that are told of: the newest */
	DELIVERIES_OPEN = 1000 /* under way at once, of these messages */
};

struct life {
	uint64_t id;
	stralloc log;   /* what the logs say */
	stralloc queue; /* what the queue says, when it is there */
};

struct why {
	char const *directory, *argument;
	stralloc address; /* as the log writes it; empty when an id was given */
	size_t count;
	struct life life[LIVES_MAX]; /* by id */
	struct {
		uint64_t number, id;
	} delivery[DELIVERIES_OPEN];
	size_t deliveries;
};

/* --- which messages --- */

static struct life *
life_find(struct why *w, uint64_t id)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->life[i].id == id)
			return &w->life[i];
	return NULL;
}

/* Keeps them sorted; when there are too many the oldest goes. */
static void
life_add(struct why *w, uint64_t id)
{
	size_t i;

	if (life_find(w, id) || (w->count == LIVES_MAX && id < w->life[0].id))
		return;
	if (w->count == LIVES_MAX)
		memmove(w->life, w->life + 1, --w->count * sizeof w->life[0]);
	for (i = w->count++; i && w->life[i - 1].id > id; i--)
		w->life[i] = w->life[i - 1];
	w->life[i] = (struct life){id, STRALLOC_ZERO, STRALLOC_ZERO};
}

/* Takes a number off the line, and what ends it. Returns 0, or -1. */
static int
number_take(struct span *line, char end, uint64_t *number)
{
	return number_parse(span_cut(line, end), UINT64_MAX, number);
}

/* Takes the word off the line when it begins with it. */
static int
word_take(struct span *line, char const *word)
{
	size_t len = strlen(word);

	if (line->len < len || memcmp(line->s, word, len) != 0)
		return 0;
	line->s += len;
	line->len -= len;
	return 1;
}

static int
is_address(struct why const *w, struct span text)
{
	return span_case_equal(text, span(w->address.s, w->address.len));
}

/* "info msg M: bytes B from <S> ...", "starting delivery D: msg M to remote R". */
static void
address_look(void *context, uint64_t when, struct span line)
{
	struct why *w = context;
	uint64_t id, number;

	(void)when;
	if (word_take(&line, "info msg ") && number_take(&line, ':', &id) == 0) {
		span_cut(&line, '<');
		if (is_address(w, span_cut(&line, '>')))
			life_add(w, id);
	} else if (word_take(&line, "starting delivery ") &&
		   number_take(&line, ':', &number) == 0 && word_take(&line, " msg ") &&
		   number_take(&line, ' ', &id) == 0 &&
		   (word_take(&line, "to remote ") || word_take(&line, "to local "))) {
		if (is_address(w, line))
			life_add(w, id);
	}
}

/* --- what the logs say --- */

static void
tell(struct life *life, uint64_t when, char const *words, struct span text)
{
	char time[WORDS_MAX];
	size_t start;

	words_time(time, when);
	memory_or_die(text_append(&life->log, "  ", time, "  ", words, (char *)NULL));
	start = life->log.len;
	memory_or_die(text_append_clean(&life->log, text) && stralloc_cats(&life->log, "\n"));
	for (; start < life->log.len; start++)
		if (life->log.s[start] == '_')
			life->log.s[start] = ' '; /* as which tern-send writes blanks */
}

static void
delivery_begin(struct why *w, uint64_t number, uint64_t id)
{
	size_t i = 0;

	while (i < w->deliveries && w->delivery[i].number != number)
		i++;
	if (i == DELIVERIES_OPEN)
		return;
	if (i == w->deliveries)
		w->deliveries++;
	w->delivery[i].number = number;
	w->delivery[i].id = id;
}

/* The message of a delivery that has ended; 0: of none of ours. */
static uint64_t
delivery_end(struct why *w, uint64_t number)
{
	for (size_t i = 0; i < w->deliveries; i++)
		if (w->delivery[i].number == number) {
			uint64_t id = w->delivery[i].id;

			w->delivery[i] = w->delivery[--w->deliveries];
			return id;
		}
	return 0;
}

/* Numbers of deliveries begin anew with each tern-send. */
static void
delivery_line(struct why *w, uint64_t when, struct span line, int begins)
{
	struct life *life;
	uint64_t number, id;

	if (number_take(&line, ':', &number) == -1)
		return;
	if (!begins) {
		id = delivery_end(w, number);
		life = life_find(w, id);
		if (id && life)
			tell(life, when, "it ended:", line);
		return;
	}
	delivery_end(w, number);
	if (!word_take(&line, " msg ") || number_take(&line, ' ', &id) == -1 ||
		!(life = life_find(w, id)))
		return;
	delivery_begin(w, number, id);
	tell(life, when, "a delivery begins ", line);
}

/* Lines that begin with a word and the id, up to `end`. */
static struct {
	char const *begin;
	char end;
	char const *words;
} const lines[] = {
	{"new msg ", ' ', "tern-send begins with it"},
	{"info msg ", ':', "it has"},
	{"order msg ", ':', "the administrator's order:"},
	{"warning: msg ", ':', "warning:"},
	{"bounce of msg ", ' ', "its sender is told: the bounce "},
	{"triple bounce: discarding bounce/", ' ', "nobody can be told of its failure"},
	{"end msg ", ' ', "it leaves the queue"},
};

static void
send_line(void *context, uint64_t when, struct span line)
{
	struct why *w = context;
	struct life *life;
	uint64_t id;

	if (word_take(&line, "starting delivery ")) {
		delivery_line(w, when, line, 1);
		return;
	}
	if (word_take(&line, "delivery ")) {
		delivery_line(w, when, line, 0);
		return;
	}
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		if (word_take(&line, lines[i].begin)) {
			if (number_take(&line, lines[i].end, &id) == 0 && (life = life_find(w, id)))
				tell(life, when, lines[i].words, line);
			return;
		}
}

/* "smtpd: pid N ip=A event=accept id=M ...". */
static void
smtpd_line(void *context, uint64_t when, struct span line)
{
	struct why *w = context;
	struct span whole = line;
	struct life *life;
	uint64_t id;

	if (!word_take(&line, "smtpd: pid "))
		return;
	span_cut(&line, ' ');
	span_cut(&line, ' ');
	if (!word_take(&line, "event=accept id=") || number_take(&line, ' ', &id) == -1 ||
		!(life = life_find(w, id)))
		return;
	tell(life, when, "it came by SMTP: ", whole);
}

/* --- what the queue says --- */

static void
queue_tell(void *context, struct queued const *q)
{
	struct why *w = context;
	struct life *life;

	if (w->address.len)
		life_add(w, q->id);
	life = life_find(w, q->id);
	if (life && life->queue.len == 0)
		memory_or_die(message_show(&life->queue, q));
}

/* Those of an address: once as sender, once as recipient. */
static void
queue_look(struct why *w, struct queue_access *access)
{
	struct queue_options options;
	char const *const argv[] = {"why"};

	queue_options_read(&options, 1, argv, ACCEPT_SELECTION, USAGE);
	options.sender = w->argument;
	queue_each(access, &options, queue_tell, w);
	options.sender = NULL;
	options.recipient = w->argument;
	queue_each(access, &options, queue_tell, w);
}

static void
queue_look_at(struct why *w, uint64_t id)
{
	struct queued q;
	char const *reason;

	if (queued_read(&q, id, &reason) != 1)
		return;
	queue_tell(w, &q);
	queued_free(&q);
}

static int
life_append(stralloc *out, struct life const *life)
{
	if (life->queue.len) {
		if (!stralloc_catb(out, life->queue.s, life->queue.len))
			return 0;
	} else if (!stralloc_cats(out, "message ") || !text_append_number(out, life->id) ||
		   !stralloc_cats(out, ": not in the queue\n")) {
		return 0;
	}
	return life->log.len == 0 || (stralloc_cats(out, "  the logs:\n") &&
					     stralloc_catb(out, life->log.s, life->log.len));
}

/* Prints what is known. Returns whether anything is. */
static int
lives_print(struct why const *w)
{
	stralloc out = STRALLOC_ZERO;
	int known = 0;

	for (size_t i = 0; i < w->count; i++) {
		struct life const *life = &w->life[i];

		if (life->log.len == 0 && life->queue.len == 0)
			continue;
		memory_or_die((!known || stralloc_cats(&out, "\n")) && life_append(&out, life));
		known = 1;
	}
	output_flush(&out);
	return known;
}

/* The argument as tern-send writes addresses into the log. */
static void
address_read(struct why *w)
{
	for (char const *s = w->argument; *s; s++) {
		char c = *s < 33 || *s > 126 || *s == '%' ? '_' : *s;

		memory_or_die(stralloc_catb(&w->address, &c, 1));
	}
}

int
why_main(int argc, char const *const *argv)
{
	static struct why w;
	static struct logfiles send, smtpd;
	struct queue_access access;
	uint64_t id;

	if (argc == 4 && strcmp(argv[1], "--dir") == 0) {
		w.directory = argv[2];
		w.argument = argv[3];
	} else if (argc == 2 && argv[1][0] != '-') {
		w.argument = argv[1];
	} else {
		strerr_dieusage(EXIT_PERMANENT, USAGE);
	}
	instance_enter(instance_directory(w.directory));
	logfiles_open(&send, "send");
	logfiles_open(&smtpd, "smtpd");
	queue_access_open(&access, ".", INTENT_READ);
	if (number_parse(span_string(w.argument), UINT64_MAX, &id) == 0) {
		life_add(&w, id);
		queue_look_at(&w, id);
	} else {
		address_read(&w);
		logfiles_each(&send, address_look, &w);
		queue_look(&w, &access);
	}
	logfiles_each(&smtpd, smtpd_line, &w);
	logfiles_each(&send, send_line, &w);
	if (lives_print(&w))
		return EXIT_OK;
	strerr_warnw(w.argument, ": nothing is known of it, in the queue or in the logs");
	return EXIT_UNKNOWN;
}
