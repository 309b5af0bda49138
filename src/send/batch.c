#include "send/batch.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "send/destination.h"
#include "send/settings.h"

enum { MEMORY_DELAY = 60 }; /* seconds until it is tried again without memory */

static uint64_t again_next = UINT64_MAX; /* no later than that of any message */

void
batches_note(struct message *m, uint64_t when)
{
	if (when < m->again)
		m->again = when;
	if (when < again_next)
		again_next = when;
}

void
batch_note(struct batch const *b)
{
	size_t n = genalloc_len(uint32_t, &b->numbers);

	for (size_t i = 0; i < n; i++) {
		uint32_t number = genalloc_s(uint32_t, &b->numbers)[i];
		struct delivery const *d = &b->message->deliveries.recipient[number];

		if (d->status == DELIVERY_PENDING)
			batches_note(b->message, d->next);
	}
}

static struct batch *
batch_new(struct message *m, struct destination *d)
{
	struct batch *b = calloc(1, sizeof *b);

	if (!b)
		return NULL;
	b->message = m;
	b->destination = d;
	m->batches++;
	return b;
}

void
batch_free(struct batch *b)
{
	size_t n = b->message->busy.len ? genalloc_len(uint32_t, &b->numbers) : 0;

	for (size_t i = 0; i < n; i++)
		b->message->busy.s[genalloc_s(uint32_t, &b->numbers)[i]] = 0;
	genalloc_free(uint32_t, &b->numbers);
	stralloc_free(&b->addresses);
	free(b);
}

static int
batch_append(struct batch *b, uint32_t number, stralloc const *address)
{
	if (!stralloc_catb(&b->addresses, address->s, address->len + 1) ||
		!genalloc_append(uint32_t, &b->numbers, &number))
		return 0;
	if (b->message->busy.len)
		b->message->busy.s[number] = 1;
	return 1;
}

/*
 * Finds or makes the batch for one recipient, and adds it when it is due.
 * Returns 0, or -1 without memory.
 */
static int
recipient_sort(struct message *m, uint32_t number, int forced, struct batch **batches)
{
	static stralloc address = STRALLOC_ZERO;
	struct delivery const *recipient = &m->deliveries.recipient[number];
	struct span domain;
	struct destination *d;
	int kind;

	if (!forced && !message_recipient_is_due(recipient, clock_wall() / 1000000)) {
		batches_note(m, recipient->next);
		return 0;
	}
	kind = domains_route(&settings.domains, recipient->recipient, &address, &domain);
	if (kind == -1)
		return -1;
	d = kind == ADDRESS_LOCAL ? destination_get(CHANNEL_LOCAL, span(address.s, address.len))
				  : destination_get(CHANNEL_REMOTE, domain);
	if (!d)
		return -1;
	if (!d->building || d->building->message != m) {
		struct batch *b = batch_new(m, d);

		if (!b)
			return -1;
		b->next = *batches;
		*batches = b;
		d->building = b;
	}
	return batch_append(d->building, number, &address) ? 0 : -1;
}

void
batches_drop(struct message *m, struct batch *batches)
{
	while (batches) {
		struct batch *b = batches;

		batches = b->next;
		b->destination->building = NULL;
		destination_release(b->destination);
		m->batches--;
		batch_free(b);
	}
}

void
batches_start(struct batch *batches)
{
	while (batches) {
		struct batch *b = batches;

		batches = b->next;
		b->destination->building = NULL;
		destination_add(b, 0);
	}
}

/* Where there are several: room to mark those that are in a batch. */
static int
busy_prepare(struct message *m)
{
	size_t n = (size_t)m->deliveries.length;

	if (m->busy.len || n < 2)
		return 1;
	if (!stralloc_ready(&m->busy, n))
		return 0;
	memset(m->busy.s, 0, n);
	m->busy.len = n;
	return 1;
}

struct batch *
batches_sort(struct message *m, int forced, int *failed)
{
	struct batch *batches = NULL;

	*failed = !busy_prepare(m);
	m->again = UINT64_MAX;
	for (uint64_t i = 0; i < m->deliveries.length && !*failed; i++)
		if (m->deliveries.recipient[i].status == DELIVERY_PENDING &&
			!(m->busy.len && m->busy.s[i]))
			*failed = recipient_sort(m, (uint32_t)i, forced, &batches) == -1;
	if (*failed) {
		batches_drop(m, batches);
		return NULL;
	}
	return batches;
}

uint64_t
batches_again_next(void)
{
	return again_next;
}

static void
again_start(struct message *m, uint64_t now)
{
	int failed;

	batches_start(batches_sort(m, 0, &failed));
	if (failed)
		batches_note(m, now + MEMORY_DELAY);
}

/* Of one recipient there is no other. One that is halted is noted anew when it no longer is, or all
 * of it comes back. */
void
batches_again(uint64_t now)
{
	if (now < again_next)
		return;
	again_next = UINT64_MAX;
	for (struct message *m = messages_first; m; m = m->next_loaded) {
		if (m->batches == 0 || m->busy.len == 0 || message_is_halted(m))
			continue;
		if (m->again <= now)
			again_start(m, now);
		else
			batches_note(m, m->again);
	}
}
