#include "send/destination.h"

#include <stdlib.h>

#include "send/queue.h"
#include "send/settings.h"
#include "send/worker.h"

enum { BUCKETS = 4096 };

static struct destination *buckets[CHANNELS][BUCKETS];

/* Those with work, in the order of their turns. */
static struct {
	struct destination *first, **last;
	int contended; /* the limit of the channel keeps some waiting */
} ring[CHANNELS];

static struct destination **
bucket_of(enum channel channel, struct span name)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.s[i];

		h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619u;
	}
	return &buckets[channel][h % BUCKETS];
}

static struct destination *
destination_new(enum channel channel, struct span name)
{
	struct destination *d = calloc(1, sizeof *d + name.len);

	if (!d)
		return NULL;
	memcpy((char *)(d + 1), name.s, name.len);
	d->channel = channel;
	d->name = span((char *)(d + 1), name.len);
	d->last = &d->first;
	return d;
}

struct destination *
destination_get(enum channel channel, struct span name)
{
	struct destination **bucket = bucket_of(channel, name);
	struct destination *d;

	for (d = *bucket; d; d = d->hash_next)
		if (span_case_equal(d->name, name))
			return d;
	d = destination_new(channel, name);
	if (!d)
		return NULL;
	d->hash_next = *bucket;
	*bucket = d;
	return d;
}

static int
has_parked(struct destination const *d)
{
	return d->parked_first < genalloc_len(uint64_t, &d->parked);
}

static int
is_busy(struct destination const *d)
{
	return d->first || d->workers || d->building || d->waiting || has_parked(d);
}

void
destination_release(struct destination *d)
{
	struct destination **at = bucket_of(d->channel, d->name);

	if (is_busy(d))
		return;
	while (*at != d)
		at = &(*at)->hash_next;
	*at = d->hash_next;
	genalloc_free(uint64_t, &d->parked);
	free(d);
}

int
destination_is_full(struct destination const *d)
{
	return d->ready >= DESTINATION_READY_MAX && messages_loaded >= DESTINATION_LOADED_MANY;
}

int
destination_park(struct destination *d, uint64_t id)
{
	return genalloc_append(uint64_t, &d->parked, &id) ? 0 : -1;
}

static void
parked_load(struct destination *d)
{
	size_t length = genalloc_len(uint64_t, &d->parked);

	if (!has_parked(d) || destination_is_full(d))
		return;
	queue_wait(genalloc_s(uint64_t, &d->parked)[d->parked_first++], 1);
	if (d->parked_first == length) {
		genalloc_free(uint64_t, &d->parked);
		d->parked_first = 0;
	}
}

void
destination_wants(struct destination *d)
{
	if (d->waiting || (!d->first && !has_parked(d)))
		return;
	if (!ring[d->channel].first)
		ring[d->channel].last = &ring[d->channel].first;
	d->waiting = 1;
	d->ring_next = NULL;
	*ring[d->channel].last = d;
	ring[d->channel].last = &d->ring_next;
}

static struct destination *
ring_take(enum channel channel)
{
	struct destination *d = ring[channel].first;

	if (!d)
		return NULL;
	ring[channel].first = d->ring_next;
	if (!ring[channel].first)
		ring[channel].last = &ring[channel].first;
	return d;
}

void
destination_add(struct batch *batch, int front)
{
	struct destination *d = batch->destination;

	if (front) {
		batch->next = d->first;
		d->first = batch;
		if (!batch->next)
			d->last = &batch->next;
	} else {
		batch->next = NULL;
		*d->last = batch;
		d->last = &batch->next;
	}
	d->ready++;
	destination_wants(d);
}

struct batch *
destination_take(struct destination *d)
{
	struct batch *batch = d->first;

	if (!batch)
		return NULL;
	d->first = batch->next;
	if (!d->first)
		d->last = &d->first;
	batch->next = NULL;
	d->ready--;
	parked_load(d);
	return batch;
}

static uint64_t
channel_max(enum channel channel)
{
	return channel == CHANNEL_LOCAL ? settings.concurrency_local : settings.concurrency_remote;
}

unsigned
destination_workers_max(struct destination const *d)
{
	if (d->channel == CHANNEL_LOCAL) {
		uint64_t share = channel_max(CHANNEL_LOCAL) / DESTINATION_LOCAL_SHARE;

		return share ? (unsigned)share : 1;
	}
	return d->unreachable ? 1 : DESTINATION_WORKERS_MAX;
}

int
destination_is_contended(enum channel channel)
{
	return ring[channel].contended;
}

enum turn { TURN_DONE, TURN_AGAIN, TURN_NO_ROOM };

/* One turn: an idle worker gets work, or a further worker is asked for. */
static enum turn
turn_take(struct destination *d)
{
	if (!d->first) {
		for (int i = 0; i < DESTINATION_READY_MAX && has_parked(d); i++)
			parked_load(d);
		return TURN_DONE;
	}
	if (d->idle) {
		worker_use(d->idle);
		return d->first ? TURN_AGAIN : TURN_DONE;
	}
	if (d->requested >= d->ready || d->workers >= destination_workers_max(d))
		return TURN_DONE;
	if (worker_count[d->channel] >= channel_max(d->channel) && !worker_evict(d->channel))
		return TURN_NO_ROOM;
	if (worker_request(d) == -1)
		return TURN_NO_ROOM;
	return TURN_AGAIN;
}

/*
 * A destination that can not go on leaves the ring, and comes back when one of
 * its workers is done or something is added to its queue.
 */
void
destination_dispatch(enum channel channel)
{
	struct destination *d;

	ring[channel].contended = 0;
	while ((d = ring_take(channel))) {
		enum turn turn = turn_take(d);

		d->waiting = 0; /* which has kept it from being released meanwhile */
		if (turn == TURN_DONE)
			destination_release(d);
		else
			destination_wants(d);
		if (turn == TURN_NO_ROOM) {
			ring[channel].contended = 1;
			return;
		}
	}
}
