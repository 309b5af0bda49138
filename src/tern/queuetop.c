/*
 * What happens now: a screen that is drawn anew, on a terminal; elsewhere a
 * line a time. All numbers are tern-send's own.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/clock.h"
#include "lib/exits.h"
#include "lib/json.h"
#include "lib/number.h"
#include "lib/platform.h"
#include "tern/queuecommands.h"
#include "tern/queueview.h"
#include "tern/words.h"

#define USAGE "tern queue top [--json] [--interval TIME] [--count N] [--dir DIR]"

enum { ROWS = 24, COLUMNS = 80, ROWS_MAX = 200, COLUMNS_MAX = 500 };

#define SCREEN_ENTER "\033[?1049h\033[?25l"
#define SCREEN_LEAVE "\033[?25h\033[?1049l"

struct top {
	struct queue_view view;
	char const *directory;
	uint64_t interval, count;
	int json, is_screen;
	struct queue_screen screen;
	int keys;   /* where keys come from, each at once; -1: nowhere */
	int is_set; /* the terminal was, and was `before` */
	struct termios before;
};

static volatile sig_atomic_t is_interrupted;

static void
interrupt(int number)
{
	(void)number;
	is_interrupted = 1;
}

/* The terminal has another size: what we wait for ends. */
static void
resize(int number)
{
	(void)number;
}

/* --- as a line, and as JSON --- */

static void
line_print(struct queue_view const *v, int answered)
{
	struct queue_rates r = queue_view_rates(v);
	uint64_t const *c = v->now.value;
	char when[WORDS_MAX], oldest[WORDS_MAX];

	words_time(when, clock_wall() / 1000000);
	if (!answered) {
		printf("%s tern-send does not run\n", when);
		return;
	}
	words_span(oldest, queue_view_oldest(&v->now));
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
object_print(struct queue_view const *v, int answered)
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
		good = good &&
		       json_append_number_field(&out, "received", queue_view_received(&v->now)) &&
		       json_append_number_field(
			       &out, "delivered", queue_view_results(&v->now, VERDICT_DELIVERED)) &&
		       json_append_number_field(
			       &out, "failed", queue_view_results(&v->now, VERDICT_FAILED)) &&
		       json_append_number_field(
			       &out, "oldest_seconds", queue_view_oldest(&v->now)) &&
		       stralloc_cats(&out, ",\"destinations\":[");
	for (size_t i = 0; good && answered && i < v->destinations.rows; i++)
		good = (i == 0 || stralloc_cats(&out, ",")) &&
		       destination_object(&out, &v->destinations.row[i]);
	memory_or_die(good && stralloc_cats(&out, answered ? "]}\n" : "}\n"));
	output_flush(&out);
	stralloc_free(&out);
}

/* --- the terminal --- */

static size_t
size_from(char const *name, size_t fallback, size_t max)
{
	char const *value = getenv(name);
	uint64_t n;

	if (value && number_parse(span_string(value), max, &n) == 0 && n)
		return (size_t)n;
	return fallback < max ? fallback : max;
}

/* LINES and COLUMNS count, as in other programs; then what the terminal says. */
static void
size_find(struct queue_screen *screen)
{
	size_t rows = ROWS, columns = COLUMNS;

	platform_terminal_size(1, &rows, &columns);
	screen->rows = size_from("LINES", rows, ROWS_MAX);
	screen->columns = size_from("COLUMNS", columns, COLUMNS_MAX);
}

static void
screen_enter(struct top *t)
{
	char const *terminal = getenv("TERM"), *plain = getenv("NO_COLOR");
	struct termios keys;

	t->is_screen =
		!t->json && isatty(1) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
	if (!t->is_screen)
		return;
	t->screen.has_colour = !(plain && *plain);
	if (isatty(0) && tcgetattr(0, &t->before) == 0) {
		keys = t->before;
		keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		t->is_set = tcsetattr(0, TCSANOW, &keys) == 0;
		t->keys = t->is_set ? 0 : -1;
	}
	fputs(SCREEN_ENTER, stdout);
}

static void
screen_leave(struct top const *t)
{
	if (!t->is_screen)
		return;
	fputs(SCREEN_LEAVE, stdout);
	fflush(stdout);
	if (t->is_set)
		tcsetattr(0, TCSANOW, &t->before);
}

/* Until the next view is due or a key is hit. Returns whether the key says to end. */
static int
key_wait(struct top *t)
{
	struct pollfd input = {.fd = t->keys, .events = POLLIN};
	char key;

	if (poll(&input, 1, (int)t->interval * 1000) != 1)
		return 0;
	if (read(0, &key, 1) != 1)
		t->keys = -1;
	return t->keys != -1 && key == 'q';
}

/* --- the whole --- */

static void
options_read(struct top *t, int argc, char const *const *argv)
{
	t->interval = 2;
	for (int i = 1; i < argc; i++) {
		char const *value = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(argv[i], "--json") == 0) {
			t->json = 1;
			continue;
		}
		if (strcmp(argv[i], "--dir") == 0 && *value)
			t->directory = value;
		else if ((strcmp(argv[i], "--interval") != 0 ||
				 duration_parse(span_string(value), 86400, &t->interval) == -1 ||
				 t->interval == 0) &&
			 (strcmp(argv[i], "--count") != 0 ||
				 number_parse(span_string(value), UINT64_MAX, &t->count) == -1))
			strerr_dieusage(EXIT_PERMANENT, USAGE);
		i++;
	}
}

static void
print(struct top *t, int answered)
{
	if (t->json)
		object_print(&t->view, answered);
	else if (t->is_screen) {
		size_find(&t->screen);
		queue_screen_print(&t->view, &t->screen, answered);
	} else
		line_print(&t->view, answered);
	if (fflush(stdout) != 0)
		exit(EXIT_TEMPORARY);
}

/* Until a signal or a key, or as often as was asked. */
int
queue_top_main(int argc, char const *const *argv)
{
	static struct top t = {.keys = -1};
	struct sigaction action = {.sa_handler = interrupt}, changed = {.sa_handler = resize};

	options_read(&t, argc, argv);
	queue_access_open(&t.view.access, t.directory, INTENT_READ);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
#ifdef SIGWINCH
	sigaction(SIGWINCH, &changed, NULL);
#endif
	screen_enter(&t);
	for (uint64_t i = 0; !is_interrupted; i++) {
		print(&t, queue_view_take(&t.view));
		if ((t.count && i + 1 == t.count) || key_wait(&t))
			break;
	}
	screen_leave(&t);
	return EXIT_OK;
}
