#include "wire/order.h"

#include <stdlib.h>

#include "wire/history.h"

static char const records[] = "Fs@x\0Ta@x\0NNEVER\0Tb@x\0Tc@x\0Td@x\0";

static int
is_same(struct delivery_list const *a, struct delivery_list const *b)
{
	for (uint64_t i = 0; i < a->length; i++)
		if (a->recipient[i].status != b->recipient[i].status ||
			a->recipient[i].next != b->recipient[i].next ||
			a->recipient[i].attempts != b->recipient[i].attempts)
			return 0;
	return a->length == b->length && (a->held == 0) == (b->held == 0);
}

/* An event as tern-send writes one: six bytes of the input. */
static void
event_append(stralloc *history, uint8_t const *b)
{
	struct history_line line = {.time = b[0], .event = (enum history_event)(b[1] % 9)};

	line.attempt = b[2];
	line.ranges = 1;
	line.range[0] = (struct range){b[3], b[3] + b[4] % 4u};
	line.next = b[5];
	if (!history_append(history, &line))
		abort();
}

/* An order changes the state as its lines will when they are read again. */
static void
order_check(stralloc *history, struct delivery_list *list, struct envelope const *envelope,
	enum order order, uint64_t now)
{
	struct delivery_list back;
	size_t before = history->len;
	int changed = order_apply(history, list, order, now, SPAN_LITERAL("uid 0"));

	if (changed == -1 || (changed == 1) != (history->len > before) ||
		delivery_replay(&back, envelope, span(history->s, history->len), NULL) == -1 ||
		!is_same(list, &back))
		abort();
	delivery_list_free(&back);
}

/* Bytes from 250 on are orders, six others an event. */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	stralloc history = STRALLOC_ZERO;
	struct envelope envelope;
	struct delivery_list list;

	if (envelope_parse(&envelope, records, sizeof records - 1) == -1)
		abort();
	for (size_t i = 0; i < size;) {
		if (data[i] < 250) {
			if (size - i < 6)
				break;
			event_append(&history, data + i);
			i += 6;
			continue;
		}
		if (delivery_replay(&list, &envelope, span(history.s, history.len), NULL) == -1)
			abort();
		order_check(&history, &list, &envelope, (enum order)(data[i] % ORDERS), i);
		i++;
		delivery_list_free(&list);
	}
	stralloc_free(&history);
	return 0;
}
