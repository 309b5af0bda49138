#include "tern/queueeach.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/clock.h"
#include "lib/exits.h"
#include "service/queueclient.h"
#include "spool/scan.h"

struct walk {
	struct queue_access *access;
	struct queue_options const *options;
	queue_each_function *f;
	void *context;
	uint64_t now;
	int named; /* the ids were: one that is missing is an error */
	int had_trouble;
};

static void
message_visit(struct walk *w, uint64_t id, int is_active)
{
	struct queued q;
	char const *why = "there is no such message";
	int r = queued_read(&q, id, &why);

	if (r == 1) {
		q.is_active = is_active;
		if (queued_is_waiting(&q) && queue_options_match(w->options, &q, w->now))
			w->f(w->context, &q);
		queued_free(&q);
	} else if (r == -1 || w->named) {
		char text[24];

		snprintf(text, sizeof text, "%llu", (unsigned long long)id);
		strerr_warnw("msg ", text, ": ", why);
		w->had_trouble = 1;
	}
}

/* One that goes while we ask is not active any more. */
static void
piece_visit(struct walk *w, uint64_t const *ids, size_t count)
{
	enum queue_state states[QUEUECONTROL_IDS_MAX] = {QUEUE_STATE_UNKNOWN};

	if (w->access->client != -1 &&
		queueclient_states(w->access->client, ids, count, states) == -1) {
		close(w->access->client);
		w->access->client = -1;
		memset(states, 0, sizeof states);
	}
	for (size_t i = 0; i < count; i++)
		message_visit(w, ids[i], states[i] == QUEUE_STATE_ACTIVE);
}

int
queue_each(struct queue_access *access, struct queue_options const *options, queue_each_function *f,
	void *context)
{
	struct walk w = {access, options, f, context, clock_wall() / 1000000, 0, 0};
	genalloc all = GENALLOC_ZERO;
	genalloc const *ids = &options->ids;
	size_t count;

	w.named = genalloc_len(uint64_t, ids) > 0;
	if (!w.named) {
		if (scan_ids(&all) == -1)
			strerr_diefusys(EXIT_TEMPORARY, "read the queue");
		ids = &all;
	}
	count = genalloc_len(uint64_t, ids);
	for (size_t i = 0; i < count; i += QUEUECONTROL_IDS_MAX)
		piece_visit(&w, genalloc_s(uint64_t, ids) + i,
			count - i < QUEUECONTROL_IDS_MAX ? count - i : QUEUECONTROL_IDS_MAX);
	genalloc_free(uint64_t, &all);
	return w.had_trouble ? -1 : 0;
}
