#include "tern/queueeach.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/clock.h"
#include "lib/exits.h"
#include "service/queueclient.h"
#include "spool/scan.h"
#include "tern/progress.h"

enum { PIECE = 128 * 1024 }; /* ids that are held in memory at once */

struct walk {
	struct queue_access *access;
	struct queue_options const *options;
	queue_each_function *f;
	void *context;
	struct progress progress;
	uint64_t now, left; /* how many are still wanted */
	int named;          /* the ids were: one that is missing is an error */
	int had_trouble;
};

static void
trouble_say(struct walk *w, uint64_t id, char const *why)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)id);
	progress_end(&w->progress);
	strerr_warnw("msg ", text, ": ", why);
	w->had_trouble = 1;
}

static void
message_visit(struct walk *w, uint64_t id, int is_active)
{
	struct queued q;
	char const *why = "there is no such message";
	int r = queued_read(&q, id, &why);

	if (r == -1 || (r == 0 && w->named))
		trouble_say(w, id, why);
	if (r != 1)
		return;
	q.is_active = is_active;
	if (queued_is_waiting(&q) && queue_options_match(w->options, &q, w->now)) {
		w->f(w->context, &q);
		w->left--;
	}
	queued_free(&q);
}

/* One that goes while we ask is not active any more. */
static void
some_visit(struct walk *w, uint64_t const *ids, size_t count)
{
	enum queue_state states[QUEUECONTROL_IDS_MAX] = {QUEUE_STATE_UNKNOWN};

	if (w->access->client != -1 &&
		queueclient_states(w->access->client, ids, count, states) == -1) {
		close(w->access->client);
		w->access->client = -1;
		memset(states, 0, sizeof states);
	}
	for (size_t i = 0; i < count && w->left; i++) {
		if (w->named || queue_options_may_match(w->options, ids[i], states[i], w->now))
			message_visit(w, ids[i], states[i] == QUEUE_STATE_ACTIVE);
		if (!w->named && w->options->shows_progress)
			progress_step(&w->progress);
	}
}

static void
piece_visit(struct walk *w, genalloc const *ids)
{
	size_t count = genalloc_len(uint64_t, ids);

	for (size_t i = 0; i < count && w->left; i += QUEUECONTROL_IDS_MAX)
		some_visit(w, genalloc_s(uint64_t, ids) + i,
			count - i < QUEUECONTROL_IDS_MAX ? count - i : QUEUECONTROL_IDS_MAX);
}

/* In pieces, so that the queue may be of any size; until now, so that it ends while mail comes. */
static void
all_visit(struct walk *w)
{
	genalloc ids = GENALLOC_ZERO;
	uint64_t last = 0, until = clock_wall(), found;
	size_t count;

	do {
		if (scan_oldest(&ids, last, PIECE, &found) == -1)
			strerr_diefusys(EXIT_TEMPORARY, "read the queue");
		if (last == 0)
			progress_begin(&w->progress, "messages looked at", found);
		piece_visit(w, &ids);
		count = genalloc_len(uint64_t, &ids);
		if (count)
			last = genalloc_s(uint64_t, &ids)[count - 1];
	} while (count == PIECE && w->left && last < until);
	progress_end(&w->progress);
	genalloc_free(uint64_t, &ids);
}

int
queue_each(struct queue_access *access, struct queue_options const *options, queue_each_function *f,
	void *context)
{
	struct walk w = {.access = access,
		.options = options,
		.f = f,
		.context = context,
		.now = clock_wall() / 1000000,
		.left = options->limit,
		.named = genalloc_len(uint64_t, &options->ids) > 0};

	if (w.named)
		piece_visit(&w, &options->ids);
	else
		all_visit(&w);
	return w.had_trouble ? -1 : 0;
}
