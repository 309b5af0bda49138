/*
 * The life of a message, or of the last messages from or to an address, from
 * the queue and the logs: also when it is gone.
 */
#include <stdio.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "lib/json.h"
#include "lib/number.h"
#include "lib/text.h"
#include "tern/commands.h"
#include "tern/instance.h"
#include "tern/queueeach.h"
#include "tern/queueshow.h"
#include "tern/whylives.h"

#define USAGE "tern why [--json] [--dir DIR] ID|ADDRESS"

enum { EXIT_UNKNOWN = 1 };

struct why {
	char const *directory, *argument;
	stralloc address; /* as the log writes it */
	struct lives lives;
};

/* --- which messages --- */

static void
address_line(void *context, uint64_t when, struct span line)
{
	struct why *w = context;
	uint64_t id = lives_address_id(line, span(w->address.s, w->address.len));

	(void)when;
	if (id)
		lives_add(&w->lives, id);
}

/* Also where the recipient is done and others are not. */
static void
address_message(void *context, struct queued const *q)
{
	struct why *w = context;
	struct span address = span_string(w->argument);
	int is_ours = span_case_equal(q->entry.envelope.sender, address);

	for (uint64_t i = 0; !is_ours && i < q->deliveries.length; i++)
		is_ours = span_case_equal(q->deliveries.recipient[i].recipient, address);
	if (is_ours)
		lives_add(&w->lives, q->id);
}

static void
address_find(struct why *w, struct queue_access *access, struct logfiles const *send)
{
	struct queue_options options;
	char const *const argv[] = {"why"};

	/* As tern-send writes addresses into the log. */
	for (char const *s = w->argument; *s; s++) {
		char c = *s < 33 || *s > 126 || *s == '%' ? '_' : *s;

		memory_or_die(stralloc_catb(&w->address, &c, 1));
	}
	logfiles_each(send, address_line, w);
	queue_options_read(&options, 1, argv, ACCEPT_SELECTION, USAGE);
	options.shows_progress = 1;
	queue_each(access, &options, address_message, w);
}

/* --- what is known of them --- */

static int
text_life(stralloc *out, struct life const *life, struct queued const *q)
{
	if (q ? !message_show(out, q)
	      : !(stralloc_cats(out, "message ") && text_append_number(out, life->id) &&
			stralloc_cats(out, ": not in the queue\n")))
		return 0;
	return life->log.len == 0 || (stralloc_cats(out, "  the logs:\n") &&
					     stralloc_catb(out, life->log.s, life->log.len));
}

static int
object_life(stralloc *out, struct life const *life, struct queued const *q)
{
	return stralloc_cats(out, "{\"id\":\"") && text_append_number(out, life->id) &&
	       stralloc_cats(out, "\",\"queue\":") &&
	       (q ? message_object(out, q) : stralloc_cats(out, "null")) &&
	       stralloc_cats(out, ",\"log\":[") && stralloc_catb(out, life->log.s, life->log.len) &&
	       stralloc_cats(out, "]}\n");
}

/* Prints one; the queue is read only now, one message at a time. Returns whether it is known. */
static int
life_print(struct lives const *lives, struct life const *life, int is_first)
{
	stralloc out = STRALLOC_ZERO;
	struct queued q;
	char const *reason;
	int is_there = queued_read(&q, life->id, &reason) == 1;
	struct queued const *found = is_there ? &q : NULL;

	if (is_there || life->log.len)
		memory_or_die(lives->json ? object_life(&out, life, found)
					  : (is_first || stralloc_cats(&out, "\n")) &&
						    text_life(&out, life, found));
	if (is_there)
		queued_free(&q);
	output_flush(&out);
	stralloc_free(&out);
	return is_there || life->log.len;
}

static int
lives_print(struct lives const *lives)
{
	int known = 0;
	char count[24];

	for (size_t i = 0; i < lives->count; i++)
		known |= life_print(lives, &lives->life[i], !known);
	snprintf(count, sizeof count, "%llu", (unsigned long long)lives->left_out);
	if (lives->left_out)
		strerr_warnw(count, " lines of the logs are left out: there are too many");
	return known;
}

static void
options_read(struct why *w, int argc, char const *const *argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			w->lives.json = 1;
		else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
			w->directory = argv[++i];
		else if (w->argument || argv[i][0] == '-' || !argv[i][0])
			strerr_dieusage(EXIT_PERMANENT, USAGE);
		else
			w->argument = argv[i];
	}
	if (!w->argument)
		strerr_dieusage(EXIT_PERMANENT, USAGE);
}

int
why_main(int argc, char const *const *argv)
{
	static struct why w;
	static struct logfiles send, smtpd;
	struct queue_access access;
	uint64_t id;

	options_read(&w, argc, argv);
	instance_enter(instance_directory(w.directory));
	logfiles_open(&send, "send");
	logfiles_open(&smtpd, "smtpd");
	queue_access_open(&access, ".", INTENT_READ);
	if (number_parse(span_string(w.argument), UINT64_MAX, &id) == 0)
		lives_add(&w.lives, id);
	else
		address_find(&w, &access, &send);
	logfiles_each(&smtpd, lives_smtpd_line, &w.lives);
	logfiles_each(&send, lives_send_line, &w.lives);
	if (lives_print(&w.lives))
		return EXIT_OK;
	strerr_warnw(w.argument, ": nothing is known of it, in the queue or in the logs");
	return EXIT_UNKNOWN;
}
