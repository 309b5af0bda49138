#include "send/destination.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "send/queue.h"

enum { BUCKETS = 4096 };

static struct destination *buckets[CHANNELS][BUCKETS];

/* Those that may not go on before a time: the least of these times is `next`. */
static struct {
	struct destination *first;
	int64_t next;
} resting;

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
	pace_start(&d->pace);
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

int
destination_has_parked(struct destination const *d)
{
	return d->parked_first < genalloc_len(uint64_t, &d->parked);
}

static int
is_busy(struct destination const *d)
{
	return d->first || d->workers || d->building || d->waiting[LINE_FRESH] ||
	       d->waiting[LINE_RETRY] || d->able || d->resting ||
	       genalloc_len(uint64_t, &d->deferred) || destination_has_parked(d);
}

/* Puts it aside until its rate allows a message, or a dead one may be probed. */
void
destination_rest(struct destination *d, int64_t until)
{
	if (resting.first == NULL || until < resting.next)
		resting.next = until;
	if (d->resting)
		return;
	d->resting = 1;
	d->rest_next = resting.first;
	resting.first = d;
}

static int64_t
rest_until(struct destination const *d)
{
	return d->pace.next > d->pace.dead_until ? d->pace.next : d->pace.dead_until;
}

/* What it has shown of itself is kept as long as that matters. */
void
destination_release(struct destination *d)
{
	struct destination **at = bucket_of(d->channel, d->name);

	if (is_busy(d))
		return;
	if (rest_until(d) > clock_monotonic()) {
		destination_rest(d, rest_until(d));
		return;
	}
	while (*at != d)
		at = &(*at)->hash_next;
	*at = d->hash_next;
	genalloc_free(uint64_t, &d->parked);
	genalloc_free(uint64_t, &d->deferred);
	stralloc_free(&d->dead_text);
	free(d);
}

int
destination_rest_expire(int64_t now)
{
	struct destination *d = resting.first;
	int go_on = 0;

	if (!d)
		return -1;
	if (now < resting.next)
		return (int)(resting.next - now);
	resting.first = NULL;
	while (d) {
		struct destination *next = d->rest_next;

		d->resting = 0;
		if (rest_until(d) > now)
			destination_rest(d, rest_until(d));
		destination_wants(d);
		go_on |= d->waiting[LINE_FRESH] || d->waiting[LINE_RETRY] || d->able;
		destination_release(d);
		d = next;
	}
	if (go_on)
		return 0;
	return resting.first ? (int)(resting.next - now) : -1;
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

void
destination_unpark(struct destination *d)
{
	size_t length = genalloc_len(uint64_t, &d->parked);

	if (!destination_has_parked(d) || destination_is_full(d))
		return;
	queue_wait(genalloc_s(uint64_t, &d->parked)[d->parked_first++], 1);
	if (d->parked_first == length) {
		genalloc_free(uint64_t, &d->parked);
		d->parked_first = 0;
	}
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
	d->fresh += batch->message->is_fresh;
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
	d->fresh -= batch->message->is_fresh;
	destination_unpark(d);
	return batch;
}

void
destination_revive_all(void)
{
	for (int channel = 0; channel < CHANNELS; channel++)
		for (int i = 0; i < BUCKETS; i++)
			for (struct destination *d = buckets[channel][i]; d; d = d->hash_next)
				d->pace.dead_until = 0;
}

void
destination_each(void (*f)(void *context, struct destination const *d), void *context)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (int c = 0; c < CHANNELS; c++)
			for (struct destination const *d = buckets[c][i]; d; d = d->hash_next)
				f(context, d);
}

/* One that is left without work leaves the ring at its turn. */
static void
withdraw_from(struct destination *d, struct batch **withdrawn)
{
	struct batch **at = &d->first;

	while (*at) {
		struct batch *b = *at;

		if (!message_is_halted(b->message)) {
			at = &b->next;
			continue;
		}
		*at = b->next;
		d->ready--;
		d->fresh -= b->message->is_fresh;
		b->next = *withdrawn;
		*withdrawn = b;
	}
	d->last = at;
}

struct batch *
destination_withdraw(void)
{
	struct batch *withdrawn = NULL;

	for (size_t i = 0; i < BUCKETS; i++)
		for (int c = 0; c < CHANNELS; c++)
			for (struct destination *d = buckets[c][i]; d; d = d->hash_next)
				withdraw_from(d, &withdrawn);
	return withdrawn;
}
