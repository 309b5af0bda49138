#include "send/destination.h"

#include <string.h>

#include "lib/clock.h"
#include "send/queue.h"
#include "send/settings.h"
#include "send/worker.h"
#include "wire/deferral.h"

/* Whose turn it is: how the workers of a channel are shared out among its destinations. */

enum {
	DEAD_SECONDS_MAX = 60, /* between two probes of a destination where nobody answers */
	DEFERRED_MAX = 10000,  /* messages that are hastened when it answers again */
	RETRY_SHARE = 4
};

/*
 * Those with work, in the order of their turns: the able have an idle worker,
 * the waiting need a further one. While the limit of the channel lets no more
 * workers be, the able go on. Of those that wait the ones with new mail go
 * first, but for one turn of RETRY_SHARE.
 */
static struct line {
	struct destination *first, **last;
} able[CHANNELS], waiting[CHANNELS][DESTINATION_LINES];
static int contended[CHANNELS];
static unsigned turns[CHANNELS]; /* in which something was given; without room none is used up */

static void
line_join(struct line *line, struct destination *d, struct destination **next)
{
	*next = NULL;
	*(line->first ? line->last : &line->first) = d;
	line->last = next;
}

void
destination_wants(struct destination *d)
{
	enum destination_line place = d->fresh ? LINE_FRESH : LINE_RETRY;

	if (d->first && d->idle && !d->able) {
		d->able = 1;
		line_join(&able[d->channel], d, &d->able_next);
	} else if (!d->waiting[place] && (d->first ? !d->idle : destination_has_parked(d))) {
		d->waiting[place] = 1;
		line_join(&waiting[d->channel][place], d, &d->ring_next[place]);
	}
}

static uint64_t
channel_max(enum channel channel)
{
	uint64_t wanted =
		channel == CHANNEL_LOCAL ? settings.concurrency_local : settings.concurrency_remote;

	return wanted < worker_descriptors / 4 ? wanted : worker_descriptors / 4;
}

static unsigned
workers_max(struct destination const *d)
{
	struct throttle_rule rule;
	unsigned line;

	if (d->channel == CHANNEL_LOCAL) {
		uint64_t share = channel_max(CHANNEL_LOCAL) / DESTINATION_LOCAL_SHARE;

		return share ? (unsigned)share : 1;
	}
	throttle_find(&settings.throttle, d->name, &rule, &line);
	return pace_connections(&d->pace, &rule);
}

int
destination_is_contended(enum channel channel)
{
	return contended[channel];
}

/* The interval of control/retry must not pass without an attempt of its own. */
static uint32_t
dead_seconds(struct destination const *d)
{
	struct retry_rule rule;
	unsigned line;
	uint32_t interval;

	retry_find(&settings.retry, d->name, deferral_class_name(DEFERRAL_CONNECT), &rule, &line);
	interval = rule.interval[0];
	for (size_t i = 1; i < rule.intervals; i++)
		if (rule.interval[i] < interval)
			interval = rule.interval[i];
	return interval - 1 < DEAD_SECONDS_MAX ? interval - 1 : DEAD_SECONDS_MAX;
}

static void
deferred_remember(struct destination *d, uint64_t id)
{
	if (genalloc_len(uint64_t, &d->deferred) < DEFERRED_MAX)
		(void)!genalloc_append(uint64_t, &d->deferred, &id);
}

/* It answers again: what was deferred because it did not need not wait for its time. */
static void
deferred_hasten(struct destination *d)
{
	agenda_hasten(&queue_agenda, genalloc_s(uint64_t, &d->deferred),
		genalloc_len(uint64_t, &d->deferred));
	genalloc_free(uint64_t, &d->deferred);
}

static enum pace_event
event_of(enum verdict verdict, struct span text)
{
	if (verdict != VERDICT_DEFERRED)
		return PACE_WELL;
	if (deferral_classify(verdict, text) == DEFERRAL_CONNECT)
		return deferral_is_unreachable(text) ? PACE_DEAD : PACE_CROWDED;
	return deferral_is_crowded(text) ? PACE_CROWDED : PACE_WELL;
}

void
destination_note(struct destination *d, uint64_t message, enum verdict verdict, struct span text)
{
	enum pace_event event = event_of(verdict, text);

	if (d->channel == CHANNEL_LOCAL || verdict == VERDICT_TROUBLE)
		return;
	pace_note(&d->pace, event, event == PACE_DEAD ? dead_seconds(d) : 0, clock_monotonic());
	if (event != PACE_DEAD) {
		if (genalloc_len(uint64_t, &d->deferred))
			deferred_hasten(d);
		return;
	}
	deferred_remember(d, message);
	if (!stralloc_copys(&d->dead_text, "Not tried again so soon: ") ||
		!stralloc_catb(&d->dead_text, text.s, text.len))
		d->dead_text.len = 0;
}

enum turn { TURN_DONE, TURN_AGAIN, TURN_NO_ROOM };

/* Where nobody answered a moment ago, nobody is asked again for each message. */
static void
refuse_all(struct destination *d)
{
	struct batch *b;

	while ((b = destination_take(d))) {
		deferred_remember(d, b->message->id);
		worker_refuse(b, VERDICT_DEFERRED, span(d->dead_text.s, d->dead_text.len));
	}
}

/* Whether the destination may have a message now; counts it. */
static int
rate_allows(struct destination *d, int64_t now)
{
	struct throttle_rule rule;
	unsigned line;

	if (d->channel == CHANNEL_LOCAL)
		return 1;
	if (pace_wait(&d->pace, now) > 0) {
		destination_rest(d, d->pace.next);
		return 0;
	}
	throttle_find(&settings.throttle, d->name, &rule, &line);
	pace_spend(&d->pace, &rule, now);
	return 1;
}

/* One turn: an idle worker gets work, or a further worker is asked for. */
static enum turn
turn_take(struct destination *d)
{
	int64_t now = clock_monotonic();

	if (!d->first) {
		for (int i = 0; i < DESTINATION_READY_MAX && destination_has_parked(d); i++)
			destination_unpark(d);
		return TURN_DONE;
	}
	if (pace_is_dead(&d->pace, now)) {
		refuse_all(d);
		return TURN_DONE;
	}
	if (d->idle) {
		if (!rate_allows(d, now))
			return TURN_DONE;
		worker_use(d->idle);
		return d->first ? TURN_AGAIN : TURN_DONE;
	}
	if (d->requested >= d->ready || d->workers >= workers_max(d))
		return TURN_DONE;
	if (worker_count[d->channel] >= channel_max(d->channel) && !worker_evict(d->channel))
		return TURN_NO_ROOM;
	if (worker_request(d) == -1)
		return TURN_NO_ROOM;
	return TURN_AGAIN;
}

/*
 * A destination that can not go on leaves the line, and comes back when one of
 * its workers is done or something is added to its queue. Its mark keeps it
 * from being released while it has its turn.
 */
static void
turn_end(struct destination *d, enum turn turn)
{
	if (turn == TURN_DONE)
		destination_release(d);
	else
		destination_wants(d);
}

static void
able_dispatch(enum channel channel)
{
	struct destination *d;

	while ((d = able[channel].first)) {
		enum turn turn = turn_take(d);

		able[channel].first = d->able_next;
		d->able = 0;
		turn_end(d, turn);
	}
}

/* The line whose turn it is, or NULL when nobody waits. */
static struct line *
line_next(enum channel channel)
{
	struct line *fresh = &waiting[channel][LINE_FRESH];
	struct line *retry = &waiting[channel][LINE_RETRY];

	if (fresh->first && (!retry->first || turns[channel] % RETRY_SHARE))
		return fresh;
	return retry->first ? retry : NULL;
}

void
destination_dispatch(enum channel channel)
{
	struct line *line;

	able_dispatch(channel);
	contended[channel] = 0;
	while (!contended[channel] && (line = line_next(channel))) {
		size_t place = (size_t)(line - waiting[channel]);
		struct destination *d = line->first;
		enum turn turn = turn_take(d);

		line->first = d->ring_next[place];
		d->waiting[place] = 0;
		contended[channel] = turn == TURN_NO_ROOM;
		turns[channel] += turn == TURN_AGAIN;
		turn_end(d, turn);
	}
}
