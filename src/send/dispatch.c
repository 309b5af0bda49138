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
	RETRY_SHARE = 4,
	LOCAL_IDLE_SPARE = 100,        /* workers that may be idle while others are at work */
	LOOK_AGAIN_MILLISECONDS = 1000 /* for one that nothing else may bring back */
};

/*
 * Those with work, in the order of their turns: the able have an idle worker,
 * the waiting need a further one. The two take turns at what becomes free;
 * while the limit of the channel lets no more workers be, the able go on. Of
 * those that wait the ones with new mail go first, but for one turn of
 * RETRY_SHARE.
 */
static struct line {
	struct destination *first, **last;
} able[CHANNELS], waiting[CHANNELS][DESTINATION_LINES];
static int contended[CHANNELS];
static int waiting_is_next[CHANNELS]; /* the others had the last place */
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

/* The deliveries that are under way, or about to be. */
static unsigned
places_taken(enum channel channel)
{
	return worker_jobs[channel] + worker_requested[channel];
}

static int
is_full(enum channel channel)
{
	return places_taken(channel) >= channel_max(channel);
}

/*
 * Whether no further worker may live. One of a local address is small, and
 * costs a program to start: some may be idle while others are at work. One of a
 * remote destination holds a connection there.
 */
static int
has_all_workers(enum channel channel)
{
	uint64_t most = channel_max(channel);

	if (channel == CHANNEL_LOCAL)
		most += LOCAL_IDLE_SPARE;
	if (most > worker_descriptors / 4)
		most = worker_descriptors / 4;
	return worker_count[channel] >= most;
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

/* Whether a further worker is for it, should there be room. */
static int
may_grow(struct destination const *d)
{
	return d->requested < d->ready && d->workers < workers_max(d);
}

/*
 * A local address that has a worker takes no place that another might need: to
 * start a program takes as long as some deliveries. It looks again later, since
 * the delivery that its worker has may take long.
 */
static int
gives_way(struct destination const *d)
{
	return d->channel == CHANNEL_LOCAL && d->workers &&
	       (contended[d->channel] || is_full(d->channel) || has_all_workers(d->channel));
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
		if (destination_has_parked(d)) /* perhaps none of these is for it any more */
			destination_rest(d, now + LOOK_AGAIN_MILLISECONDS);
		return TURN_DONE;
	}
	if (pace_is_dead(&d->pace, now)) {
		refuse_all(d);
		return TURN_DONE;
	}
	if (!d->idle && !may_grow(d))
		return TURN_DONE;
	if (!d->idle && gives_way(d)) {
		destination_rest(d, now + LOOK_AGAIN_MILLISECONDS);
		return TURN_DONE;
	}
	if (is_full(d->channel))
		return TURN_NO_ROOM;
	if (d->idle) {
		if (!rate_allows(d, now))
			return TURN_DONE;
		worker_use(d->idle);
		return d->first ? TURN_AGAIN : TURN_DONE;
	}
	if (has_all_workers(d->channel) && !worker_evict(d->channel))
		return TURN_NO_ROOM;
	if (worker_request(d) == -1)
		return TURN_NO_ROOM;
	return TURN_AGAIN;
}

/*
 * A destination that can not go on leaves the line, and comes back when one of
 * its workers is done, something is added to its queue, or its rest is over.
 * Its mark keeps it from being released while it has its turn.
 */
static void
turn_end(struct destination *d, enum turn turn)
{
	if (turn == TURN_AGAIN)
		destination_wants(d);
	destination_release(d);
}

static enum turn
able_turn(enum channel channel)
{
	struct destination *d = able[channel].first;
	/* One whose worker was let go meanwhile is to wait for another. */
	enum turn turn = d->idle ? turn_take(d) : TURN_AGAIN;

	if (turn == TURN_NO_ROOM)
		return turn;
	able[channel].first = d->able_next;
	d->able = 0;
	turn_end(d, turn);
	return turn;
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

/* They contend when no worker can make room for theirs. */
static enum turn
waiting_turn(enum channel channel)
{
	struct line *line = line_next(channel);
	size_t place = (size_t)(line - waiting[channel]);
	struct destination *d = line->first;
	/* One whose worker became free meanwhile is among the able. */
	enum turn turn = d->able ? TURN_DONE : turn_take(d);

	contended[channel] =
		turn == TURN_NO_ROOM && has_all_workers(channel) && !worker_can_evict(channel);
	if (turn == TURN_NO_ROOM)
		return turn;
	line->first = d->ring_next[place];
	d->waiting[place] = 0;
	turns[channel] += turn == TURN_AGAIN;
	turn_end(d, turn);
	return turn;
}

void
destination_dispatch(enum channel channel)
{
	int able_blocked = 0, waiting_blocked = 0;

	for (;;) {
		int has_able = !able_blocked && able[channel].first;
		int has_waiting = !waiting_blocked && line_next(channel);
		int of_waiting = has_waiting && (!has_able || waiting_is_next[channel]);
		unsigned taken = places_taken(channel);

		if (!has_able && !has_waiting)
			break;
		if (of_waiting)
			waiting_blocked = waiting_turn(channel) == TURN_NO_ROOM;
		else
			able_blocked = able_turn(channel) == TURN_NO_ROOM;
		if (places_taken(channel) > taken)
			waiting_is_next[channel] = !of_waiting;
	}
}
