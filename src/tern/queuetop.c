/*
 * What happens now: a screen that is drawn anew, on a terminal; elsewhere a
 * line a time. All numbers are tern-send's own.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/clock.h"
#include "lib/exits.h"
#include "lib/json.h"
#include "lib/number.h"
#include "lib/text.h"
#include "service/queueclient.h"
#include "tern/queueaccess.h"
#include "tern/queuecommands.h"
#include "tern/words.h"

#define USAGE "tern queue top [--json] [--interval TIME] [--count N] [--dir DIR]"

enum { ROWS = 24, COLUMNS = 80, ROWS_MAX = 200, COLUMNS_MAX = 500, HEAD_ROWS = 8 };

#define BOLD "\033[1m"
#define RED "\033[31m"
#define PLAIN "\033[0m"
#define SCREEN_ENTER "\033[?1049h\033[?25l"
#define SCREEN_LEAVE "\033[?25h\033[?1049l"
#define LINE_END "\033[K\n"

struct view {
	struct queue_access access;
	char const *directory;
	uint64_t interval, count;
	int json, is_screen, has_colour;
	size_t rows, columns;
	struct queue_counts now, before;
	int64_t when, before_when; /* monotonic; before_when 0: there is no earlier view */
	stralloc destinations_packet, replies_packet;
	struct queue_destinations destinations;
	struct queue_replies replies;
};

static volatile sig_atomic_t is_interrupted;

static void
interrupt(int number)
{
	(void)number;
	is_interrupted = 1;
}

/* --- asking --- */

static int
rows_ask(struct view *v, enum queue_verb verb, stralloc *packet)
{
	struct queue_request request = {.verb = verb};

	packet->len = 0;
	return queueclient_ask(v->access.client, &request, packet);
}

static int
all_ask(struct view *v)
{
	if (queueclient_counts(v->access.client, &v->now) == -1 ||
		rows_ask(v, VERB_DESTINATIONS, &v->destinations_packet) == -1 ||
		rows_ask(v, VERB_REPLIES, &v->replies_packet) == -1)
		return -1;
	return queue_destinations_parse(&v->destinations, v->destinations_packet.s,
		       v->destinations_packet.len) == -1 ||
			       queue_replies_parse(&v->replies, v->replies_packet.s,
				       v->replies_packet.len) == -1
		       ? -1
		       : 0;
}

/* Returns whether tern-send answered; connects again when it was started anew. */
static int
view_take(struct view *v)
{
	v->before = v->now;
	v->before_when = v->when;
	v->when = 0;
	if (v->access.client == -1)
		v->access.client = queueclient_open();
	if (v->access.client == -1)
		return 0;
	if (all_ask(v) == -1) {
		close(v->access.client);
		v->access.client = -1;
		return 0;
	}
	v->when = clock_monotonic();
	if (v->before.value[COUNT_STARTED] != v->now.value[COUNT_STARTED])
		v->before_when = 0;
	return 1;
}

/* --- numbers --- */

static uint64_t
received(struct queue_counts const *c)
{
	return c->value[COUNT_RECEIVED_SMTP] + c->value[COUNT_RECEIVED_SENDMAIL] +
	       c->value[COUNT_RECEIVED_BOUNCE];
}

static uint64_t
results(struct queue_counts const *c, enum verdict verdict)
{
	return c->value[COUNT_LOCAL_SUCCESS + verdict] + c->value[COUNT_REMOTE_SUCCESS + verdict];
}

static double
rate(struct view const *v, uint64_t now, uint64_t before)
{
	int64_t took = v->when - v->before_when;

	return v->before_when && took > 0 ? (double)(now - before) * 1000 / (double)took : 0;
}

struct rates {
	double in, out, delivered, deferred, failed;
};

static struct rates
rates_of(struct view const *v)
{
	struct queue_counts const *n = &v->now, *b = &v->before;

	return (struct rates){
		.in = rate(v, received(n), received(b)),
		.out = rate(v, n->value[COUNT_ENDED], b->value[COUNT_ENDED]),
		.delivered = rate(v, results(n, VERDICT_DELIVERED), results(b, VERDICT_DELIVERED)),
		.deferred = rate(v, results(n, VERDICT_DEFERRED) + results(n, VERDICT_TROUBLE),
			results(b, VERDICT_DEFERRED) + results(b, VERDICT_TROUBLE)),
		.failed = rate(v, results(n, VERDICT_FAILED), results(b, VERDICT_FAILED)),
	};
}

static uint64_t
oldest_age(struct queue_counts const *c)
{
	uint64_t oldest = 0, now = clock_wall() / 1000000;

	for (size_t i = COUNT_TODO_OLDEST; i <= COUNT_HOLD_OLDEST; i++)
		if (c->value[i] && (oldest == 0 || c->value[i] < oldest))
			oldest = c->value[i];
	return oldest && oldest < now ? now - oldest : 0;
}

/* --- as a line, and as JSON --- */

static void
line_print(struct view const *v, int answered)
{
	struct rates r = rates_of(v);
	uint64_t const *c = v->now.value;
	char when[WORDS_MAX], oldest[WORDS_MAX];

	words_time(when, clock_wall() / 1000000);
	if (!answered) {
		printf("%s tern-send does not run\n", when);
		return;
	}
	words_span(oldest, oldest_age(&v->now));
	printf("%s in %.1f/s out %.1f/s; delivered %.1f/s deferred %.1f/s failed %.1f/s; local "
	       "%llu/%llu remote %llu/%llu; todo %llu deferred %llu active %llu bounce %llu hold "
	       "%llu; oldest %s\n",
		when, r.in, r.out, r.delivered, r.deferred, r.failed,
		(unsigned long long)c[COUNT_LOCAL_RUNNING],
		(unsigned long long)c[COUNT_LOCAL_LIMIT],
		(unsigned long long)c[COUNT_REMOTE_RUNNING],
		(unsigned long long)c[COUNT_REMOTE_LIMIT], (unsigned long long)c[COUNT_TODO],
		(unsigned long long)c[COUNT_DEFERRED], (unsigned long long)c[COUNT_ACTIVE],
		(unsigned long long)c[COUNT_BOUNCE], (unsigned long long)c[COUNT_HOLD], oldest);
}

static int
destination_object(stralloc *out, struct queue_destination const *d)
{
	return stralloc_cats(out, "{\"name\":") && json_append_string(out, d->name) &&
	       json_append_text_field(
		       out, "channel", span_string(d->remote ? "remote" : "local")) &&
	       json_append_number_field(out, "running", d->running) &&
	       json_append_number_field(out, "waiting", d->waiting) &&
	       json_append_number_field(out, "unreachable", (uint64_t)d->unreachable) &&
	       stralloc_cats(out, "}");
}

static void
object_print(struct view const *v, int answered)
{
	static struct {
		char const *name;
		enum queue_count count;
	} const fields[] = {{"todo", COUNT_TODO}, {"deferred", COUNT_DEFERRED},
		{"active", COUNT_ACTIVE}, {"bounce", COUNT_BOUNCE}, {"hold", COUNT_HOLD},
		{"local_running", COUNT_LOCAL_RUNNING}, {"local_limit", COUNT_LOCAL_LIMIT},
		{"remote_running", COUNT_REMOTE_RUNNING}, {"remote_limit", COUNT_REMOTE_LIMIT}};
	stralloc out = STRALLOC_ZERO;
	int good = stralloc_cats(&out, answered ? "{\"running\":true" : "{\"running\":false");

	good = good && json_append_number_field(&out, "time", clock_wall() / 1000000);
	for (size_t i = 0; good && answered && i < sizeof fields / sizeof fields[0]; i++)
		good = json_append_number_field(
			&out, fields[i].name, v->now.value[fields[i].count]);
	if (answered)
		good = good && json_append_number_field(&out, "received", received(&v->now)) &&
		       json_append_number_field(
			       &out, "delivered", results(&v->now, VERDICT_DELIVERED)) &&
		       json_append_number_field(&out, "failed", results(&v->now, VERDICT_FAILED)) &&
		       json_append_number_field(&out, "oldest_seconds", oldest_age(&v->now)) &&
		       stralloc_cats(&out, ",\"destinations\":[");
	for (size_t i = 0; good && answered && i < v->destinations.rows; i++)
		good = (i == 0 || stralloc_cats(&out, ",")) &&
		       destination_object(&out, &v->destinations.row[i]);
	memory_or_die(good && stralloc_cats(&out, answered ? "]}\n" : "}\n"));
	output_flush(&out);
	stralloc_free(&out);
}

/* --- as a screen --- */

/* Ends the line that began at `start`: cut to the width, the rest of the screen's line cleared. */
static int
row_end(struct view const *v, stralloc *out, size_t start, char const *colour)
{
	size_t len = out->len - start;
	stralloc row = STRALLOC_ZERO;
	int good;

	if (len > v->columns)
		len = v->columns;
	good = stralloc_copyb(&row, out->s + start, len);
	out->len = start;
	good = good && (!v->has_colour || stralloc_cats(out, colour)) &&
	       stralloc_catb(out, row.s, row.len) &&
	       (!v->has_colour || stralloc_cats(out, PLAIN)) && stralloc_cats(out, LINE_END);
	stralloc_free(&row);
	return good;
}

static int
text_row(struct view const *v, stralloc *out, char const *text, char const *colour)
{
	size_t start = out->len;

	return stralloc_cats(out, text) && row_end(v, out, start, colour);
}

static int
head_rows(struct view const *v, stralloc *out, int answered)
{
	struct rates r = rates_of(v);
	uint64_t const *c = v->now.value;
	char text[200], when[WORDS_MAX], oldest[WORDS_MAX];

	words_time(when, clock_wall() / 1000000);
	snprintf(text, sizeof text, "tern queue  %s  %s", when, getenv("TERNHOME"));
	if (!text_row(v, out, text, BOLD))
		return 0;
	if (!answered)
		return text_row(v, out, "tern-send does not run; waiting for it", RED);
	words_span(oldest, oldest_age(&v->now));
	snprintf(text, sizeof text,
		"a second: %.1f in, %.1f out; %.1f delivered, %.1f deferred, %.1f failed", r.in,
		r.out, r.delivered, r.deferred, r.failed);
	if (!text_row(v, out, text, ""))
		return 0;
	snprintf(text, sizeof text,
		"messages: %llu new, %llu deferred, %llu active, %llu bouncing, %llu held; the "
		"oldest %s",
		(unsigned long long)c[COUNT_TODO], (unsigned long long)c[COUNT_DEFERRED],
		(unsigned long long)c[COUNT_ACTIVE], (unsigned long long)c[COUNT_BOUNCE],
		(unsigned long long)c[COUNT_HOLD], oldest);
	if (!text_row(v, out, text, ""))
		return 0;
	snprintf(text, sizeof text, "under way: local %llu of %llu, remote %llu of %llu",
		(unsigned long long)c[COUNT_LOCAL_RUNNING],
		(unsigned long long)c[COUNT_LOCAL_LIMIT],
		(unsigned long long)c[COUNT_REMOTE_RUNNING],
		(unsigned long long)c[COUNT_REMOTE_LIMIT]);
	return text_row(v, out, text, "");
}

static int
destination_rows(struct view const *v, stralloc *out, size_t max)
{
	int good = text_row(v, out, "workers waiting  destination", BOLD);

	for (size_t i = 0; good && i < v->destinations.rows && i < max; i++) {
		struct queue_destination const *d = &v->destinations.row[i];
		size_t start = out->len;
		char text[64];

		snprintf(text, sizeof text, "%7llu %7llu  ", (unsigned long long)d->running,
			(unsigned long long)d->waiting);
		good = stralloc_cats(out, text) && text_append_clean(out, d->name) &&
		       stralloc_cats(out, d->remote ? "" : " (local)") &&
		       stralloc_cats(out, d->unreachable ? " (does not answer)" : "") &&
		       row_end(v, out, start, d->unreachable ? RED : "");
	}
	return good;
}

static int
reply_rows(struct view const *v, stralloc *out, size_t max)
{
	static char const *const words[] = {
		[VERDICT_DELIVERED] = "ok      ",
		[VERDICT_DEFERRED] = "deferred",
		[VERDICT_FAILED] = "failed  ",
		[VERDICT_TROUBLE] = "trouble ",
	};
	int good = text_row(v, out, "last replies", BOLD);

	for (size_t i = 0; good && i < v->replies.rows && i < max; i++) {
		struct queue_reply const *r = &v->replies.row[i];
		size_t start = out->len;
		char when[WORDS_MAX];

		words_time(when, r->when);
		good = text_append(out, strlen(when) > 11 ? when + 11 : when, " ",
			       words[r->verdict], " ", (char *)NULL) &&
		       text_append_clean(out, r->destination) && stralloc_cats(out, ": ") &&
		       text_append_clean(out, r->text) &&
		       row_end(v, out, start, r->verdict == VERDICT_FAILED ? RED : "");
	}
	return good;
}

static void
screen_print(struct view const *v, int answered)
{
	stralloc out = STRALLOC_ZERO;
	size_t room = v->rows > HEAD_ROWS ? v->rows - HEAD_ROWS : 0;
	size_t destinations = answered ? v->destinations.rows : 0;
	int good = stralloc_cats(&out, "\033[H") && head_rows(v, &out, answered);

	if (destinations > room / 2)
		destinations = room / 2;
	if (answered)
		good = good && text_row(v, &out, "", "") &&
		       destination_rows(v, &out, destinations) &&
		       reply_rows(v, &out, room - destinations);
	memory_or_die(good && stralloc_cats(&out, "\033[J"));
	output_flush(&out);
	stralloc_free(&out);
}

/* --- the whole --- */

static size_t
size_from(char const *name, size_t fallback, size_t max)
{
	char const *value = getenv(name);
	uint64_t n;

	return value && number_parse(span_string(value), max, &n) == 0 && n ? (size_t)n : fallback;
}

static void
options_read(struct view *v, int argc, char const *const *argv)
{
	v->interval = 2;
	for (int i = 1; i < argc; i++) {
		char const *value = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(argv[i], "--json") == 0) {
			v->json = 1;
			continue;
		}
		if (strcmp(argv[i], "--dir") == 0 && *value)
			v->directory = value;
		else if ((strcmp(argv[i], "--interval") != 0 ||
				 duration_parse(span_string(value), 86400, &v->interval) == -1 ||
				 v->interval == 0) &&
			 (strcmp(argv[i], "--count") != 0 ||
				 number_parse(span_string(value), UINT64_MAX, &v->count) == -1))
			strerr_dieusage(EXIT_PERMANENT, USAGE);
		i++;
	}
}

static void
appearance_find(struct view *v)
{
	char const *terminal = getenv("TERM"), *plain = getenv("NO_COLOR");

	v->is_screen =
		!v->json && isatty(1) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
	v->has_colour = v->is_screen && !(plain && *plain);
	v->rows = size_from("LINES", ROWS, ROWS_MAX);
	v->columns = size_from("COLUMNS", COLUMNS, COLUMNS_MAX);
}

static void
print(struct view const *v, int answered)
{
	if (v->json)
		object_print(v, answered);
	else if (v->is_screen)
		screen_print(v, answered);
	else
		line_print(v, answered);
	if (fflush(stdout) != 0)
		exit(EXIT_TEMPORARY);
}

/* Until a signal, or as often as was asked. */
int
queue_top_main(int argc, char const *const *argv)
{
	static struct view v;
	struct sigaction action = {.sa_handler = interrupt};

	options_read(&v, argc, argv);
	queue_access_open(&v.access, v.directory, INTENT_READ);
	appearance_find(&v);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (v.is_screen)
		fputs(SCREEN_ENTER, stdout);
	for (uint64_t i = 0; !is_interrupted; i++) {
		struct timespec pause = {.tv_sec = (time_t)v.interval};

		print(&v, view_take(&v));
		if (v.count && i + 1 == v.count)
			break;
		if (!is_interrupted)
			nanosleep(&pause, NULL);
	}
	if (v.is_screen)
		fputs(SCREEN_LEAVE, stdout);
	return EXIT_OK;
}
