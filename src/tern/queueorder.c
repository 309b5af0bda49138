/*
 * hold, release, retry, rm, bounce: first the messages are found and counted,
 * then tern-send is told; where it does not run, the same is done on the files.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/clock.h"
#include "lib/exits.h"
#include "lib/json.h"
#include "service/queueclient.h"
#include "spool/historyfile.h"
#include "tern/progress.h"
#include "tern/queuecommands.h"
#include "tern/queueeach.h"
#include "tern/words.h"

#define USAGE                                                                                      \
	"tern queue hold|release|retry|rm|bounce [--dry-run] [--yes] [--json] [--dir DIR] "        \
	"SELECTION|--all"

enum { RESULTS = ORDER_TROUBLE + 1 };

static struct {
	char const *command, *word; /* "12 messages to hold" */
	enum order order;
	int asks; /* what it does can not be undone */
} const orders[] = {
	{"hold", "hold", ORDER_HOLD, 0},
	{"release", "release", ORDER_RELEASE, 0},
	{"retry", "try now", ORDER_RETRY, 0},
	{"rm", "remove", ORDER_REMOVE, 1},
	{"bounce", "bounce", ORDER_BOUNCE, 1},
};

static char const *const result_words[RESULTS] = {
	[ORDER_DONE] = "done",
	[ORDER_LATER] = "when the deliveries under way have ended",
	[ORDER_NOTHING] = "nothing to do",
	[ORDER_UNKNOWN] = "gone meanwhile",
	[ORDER_TROUBLE] = "failed, see the log",
};

static char const *const result_names[RESULTS] = {
	[ORDER_DONE] = "done",
	[ORDER_LATER] = "later",
	[ORDER_NOTHING] = "nothing",
	[ORDER_UNKNOWN] = "unknown",
	[ORDER_TROUBLE] = "failed",
};

struct work {
	struct queue_access access;
	struct queue_options options;
	size_t which; /* of orders[] */
	genalloc ids; /* those selected */
	uint64_t bytes;
	struct progress progress;
	uint64_t results[RESULTS];
};

static void
message_select(void *context, struct queued const *q)
{
	struct work *w = context;

	memory_or_die(genalloc_append(uint64_t, &w->ids, &q->id));
	w->bytes += q->entry.message;
}

/* The counts come before anything is done. */
static void
counts_print(struct work const *w)
{
	uint64_t count = genalloc_len(uint64_t, &w->ids);
	char size[WORDS_MAX];

	words_size(size, w->bytes);
	printf("%llu %s to %s, %s%s\n", (unsigned long long)count, words_messages(count),
		orders[w->which].word, size,
		w->options.dry_run ? "; nothing is changed (--dry-run)" : "");
	fflush(stdout);
}

/* At a terminal, what can not be undone is asked about. */
static int
is_wanted(struct work const *w)
{
	char answer[16];

	if (w->options.yes || !orders[w->which].asks || !isatty(0) || !isatty(1))
		return 1;
	printf("Go on? [y/N] ");
	fflush(stdout);
	return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* On the files, with the lock. */
static enum order_result
order_stopped(struct work *w, uint64_t id)
{
	struct queued q;
	stralloc lines = STRALLOC_ZERO;
	char const *why;
	char by[32];
	enum order_result result = ORDER_TROUBLE;
	int r = queued_read(&q, id, &why);

	if (r != 1)
		return r == 0 ? ORDER_UNKNOWN : ORDER_TROUBLE;
	snprintf(by, sizeof by, "uid %lu", (unsigned long)w->access.uid);
	switch (order_apply(&lines, &q.deliveries, orders[w->which].order, clock_wall() / 1000000,
		span_string(by))) {
	case 0: result = ORDER_NOTHING; break;
	case 1:
		if (historyfile_append(
			    id, span(lines.s, lines.len), historyfile_due(&q.deliveries)) == 0)
			result = ORDER_DONE;
		break;
	default: break;
	}
	if (result == ORDER_DONE && !queued_is_waiting(&q) &&
		queue_access_remove(&w->access, id) == -1)
		result = ORDER_TROUBLE;
	queued_free(&q);
	stralloc_free(&lines);
	return result;
}

static void
piece_order(struct work *w, uint64_t const *ids, size_t count)
{
	enum order_result results[QUEUECONTROL_IDS_MAX];

	if (w->access.client != -1 && queueclient_order(w->access.client, orders[w->which].order,
					      ids, count, results) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "talk to tern-send");
	for (size_t i = 0; i < count; i++) {
		w->results[w->access.client == -1 ? order_stopped(w, ids[i]) : results[i]]++;
		progress_step(&w->progress);
	}
}

static void
all_order(struct work *w)
{
	uint64_t const *ids = genalloc_s(uint64_t, &w->ids);
	size_t count = genalloc_len(uint64_t, &w->ids);

	progress_begin(&w->progress, "messages done", count);
	for (size_t i = 0; i < count; i += QUEUECONTROL_IDS_MAX)
		piece_order(w, ids + i,
			count - i < QUEUECONTROL_IDS_MAX ? count - i : QUEUECONTROL_IDS_MAX);
	progress_end(&w->progress);
	/* What was written is durable before we say that it is done. */
	if (orders[w->which].order != ORDER_REMOVE && historyfile_sync(ids, count) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "make what was done durable");
}

static void
results_print(struct work const *w)
{
	for (size_t i = 0; i < RESULTS; i++)
		if (w->results[i])
			printf("%llu: %s\n", (unsigned long long)w->results[i], result_words[i]);
}

static void
object_print(struct work const *w)
{
	stralloc out = STRALLOC_ZERO;
	int good = stralloc_cats(&out, "{\"order\":") &&
		   json_append_string(&out, span_string(orders[w->which].command)) &&
		   json_append_number_field(&out, "messages", genalloc_len(uint64_t, &w->ids)) &&
		   json_append_number_field(&out, "bytes", w->bytes) &&
		   stralloc_cats(&out, ",\"dry_run\":") &&
		   stralloc_cats(&out, w->options.dry_run ? "true" : "false");

	for (size_t i = 0; good && i < RESULTS; i++)
		good = json_append_number_field(&out, result_names[i], w->results[i]);
	memory_or_die(good && stralloc_cats(&out, "}\n"));
	output_flush(&out);
}

static size_t
which_order(char const *command)
{
	size_t i = 0;

	while (strcmp(orders[i].command, command) != 0)
		i++;
	return i;
}

int
queue_order_main(int argc, char const *const *argv)
{
	struct work w = {.which = which_order(argv[0]), .ids = GENALLOC_ZERO};
	int found;

	queue_options_read(&w.options, argc, argv, ACCEPT_SELECTION | ACCEPT_ORDER, USAGE);
	if (!queue_options_select(&w.options) && !w.options.all)
		strerr_dief(EXIT_PERMANENT, "which messages? For all of them: --all");
	queue_access_open(&w.access, w.options.directory,
		w.options.dry_run                       ? INTENT_READ
		: orders[w.which].order == ORDER_REMOVE ? INTENT_REMOVE
							: INTENT_ORDER);
	w.options.shows_progress = 1;
	found = queue_each(&w.access, &w.options, message_select, &w);
	if (!w.options.json)
		counts_print(&w);
	if (!w.options.dry_run && genalloc_len(uint64_t, &w.ids)) {
		if (!w.options.json && !is_wanted(&w))
			return EXIT_OK;
		all_order(&w);
	}
	if (w.options.json)
		object_print(&w);
	else
		results_print(&w);
	return found == -1 || w.results[ORDER_TROUBLE] ? EXIT_TEMPORARY : EXIT_OK;
}
