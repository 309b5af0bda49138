#include "send/orders.h"

#include "send/destination.h"
#include "send/helpers.h"
#include "send/history.h"
#include "send/message.h"
#include "send/queue.h"

/*
 * A message that send knows of is in one of these places:
 *
 *   loaded      being delivered, bounced, or waiting for a worker (message.c)
 *   agenda      waiting for its time, or new
 *   queue_held  held
 *   elsewhere   waiting outside a destination (it is due, and comes to the
 *               agenda in turn), or being removed
 *
 * What is on the agenda or held is taken from there, changed, and put where it
 * belongs then. What is elsewhere is changed where it is: whoever loads it sees.
 */

static enum order_result
result_of(int applied)
{
	return applied == 1 ? ORDER_DONE : applied == 0 ? ORDER_NOTHING : ORDER_TROUBLE;
}

/* For a message that is not loaded. */
static enum order_result
waiting_order(enum order order, uid_t by, uint64_t id, int elsewhere)
{
	enum entry_result entry;
	struct message *m;
	int applied;

	if (elsewhere && clean_is_removing(id))
		return ORDER_UNKNOWN;
	m = message_fetch(id, &entry);
	if (!m && !elsewhere) {
		/* As when it comes up by itself, which says what is wrong. */
		queue_wait(id, 1);
		return entry == ENTRY_ABSENT ? ORDER_UNKNOWN : ORDER_TROUBLE;
	}
	if (!m)
		return entry == ENTRY_ABSENT ? ORDER_UNKNOWN : ORDER_TROUBLE;
	applied = message_order(m, order, by);
	message_put_back(m, elsewhere);
	return result_of(applied);
}

/* For one that is loaded: what can not be done now waits for its deliveries. */
static enum order_result
loaded_order(enum order order, uid_t by, struct message *m)
{
	int applied;

	if (order == ORDER_HOLD || order == ORDER_RELEASE) {
		applied = message_order(m, order, by);
		history_write(m);
		return applied == 1 && order == ORDER_HOLD ? ORDER_LATER : result_of(applied);
	}
	m->is_ordered = 1;
	m->order = order;
	m->order_by = by;
	return ORDER_LATER;
}

static void
withdraw(void)
{
	struct batch *b = destination_withdraw();

	while (b) {
		struct batch *next = b->next;

		message_batch_end(b);
		b = next;
	}
}

/* One pass over all that are loaded. */
static void
loaded_take(enum order order, uid_t by, struct idset const *wanted, uint64_t const *ids,
	size_t count, enum order_result *results)
{
	for (struct message *m = messages_first; m; m = m->next_loaded)
		for (size_t i = 0; idset_has(wanted, m->id) && i < count; i++)
			if (ids[i] == m->id) {
				results[i] = loaded_order(order, by, m);
				break;
			}
	withdraw();
	for (size_t i = 0; i < count; i++)
		if (results[i] == ORDER_LATER && !message_is_loaded(ids[i]))
			results[i] = ORDER_DONE;
}

/* Takes it from where it waits. Returns whether it is elsewhere. */
static int
take_away(uint64_t id, struct idset const *from_agenda)
{
	if (idset_has(from_agenda, id))
		return 0;
	if (idset_has(&queue_held, id)) {
		idset_remove(&queue_held, id);
		return 0;
	}
	return idset_add(&queue_known, id) != 1; /* one that nobody told of yet is found now */
}

static void
wanted_set(struct idset *wanted, uint64_t const *ids, size_t count, enum order_result *results)
{
	for (size_t i = 0; i < count; i++)
		switch (idset_add(wanted, ids[i])) {
		case 1: results[i] = ORDER_UNKNOWN; break;
		case 0: results[i] = ORDER_NOTHING; break;
		default: results[i] = ORDER_TROUBLE; break;
		}
}

void
orders_take(
	enum order order, uid_t by, uint64_t const *ids, size_t count, enum order_result *results)
{
	static uint64_t taken[QUEUECONTROL_IDS_MAX];
	struct idset wanted = IDSET_ZERO, from_agenda = IDSET_ZERO;
	size_t n;

	wanted_set(&wanted, ids, count, results);
	n = agenda_take_out(&queue_agenda, &wanted, taken);
	for (size_t i = 0; i < n; i++)
		if (idset_add(&from_agenda, taken[i]) == -1)
			queue_wait(taken[i], 1);
	loaded_take(order, by, &wanted, ids, count, results);
	for (size_t i = 0; i < count; i++) {
		if (results[i] != ORDER_UNKNOWN)
			continue; /* loaded, or named twice */
		results[i] = waiting_order(order, by, ids[i], take_away(ids[i], &from_agenda));
	}
	idset_clear(&wanted);
	idset_clear(&from_agenda);
}

enum queue_state
orders_state(uint64_t id)
{
	if (message_is_loaded(id))
		return QUEUE_STATE_ACTIVE;
	if (idset_has(&queue_held, id))
		return QUEUE_STATE_HELD;
	return idset_has(&queue_known, id) ? QUEUE_STATE_WAITING : QUEUE_STATE_UNKNOWN;
}
