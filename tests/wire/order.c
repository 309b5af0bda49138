#include "wire/order.h"

#include "tests/tap.h"
#include "wire/history.h"

static char const records[] = "Fs@x\0Ta@x\0Tb@x\0Tc@x\0Td@x\0";
static struct envelope envelope;

/* Two deferred (at attempts 1 and 3), one delivered, one that failed and is not yet told. */
static void
start(stralloc *history, struct delivery_list *list)
{
	struct history_line line = {.time = 100, .ranges = 1, .next = 900};

	history->len = 0;
	line.event = HISTORY_DEFERRED;
	line.attempt = 1;
	history_append(history, &line);
	line.attempt = 3;
	line.range[0] = (struct range){1, 1};
	history_append(history, &line);
	line.event = HISTORY_DELIVERED;
	line.range[0] = (struct range){2, 2};
	history_append(history, &line);
	line.event = HISTORY_FAILED;
	line.range[0] = (struct range){3, 3};
	history_append(history, &line);
	delivery_replay(list, &envelope, span(history->s, history->len), NULL);
}

static int
is_same(struct delivery_list const *a, struct delivery_list const *b)
{
	int same = a->held == b->held && a->length == b->length;

	for (uint64_t i = 0; same && i < a->length; i++)
		same = a->recipient[i].status == b->recipient[i].status &&
		       a->recipient[i].next == b->recipient[i].next &&
		       a->recipient[i].attempts == b->recipient[i].attempts;
	return same;
}

/* What an order makes of the state is what a later reader makes of the lines it wrote. */
static void
every_order(void)
{
	for (int first = 0; first < ORDERS; first++)
		for (int second = 0; second < ORDERS; second++) {
			stralloc history = STRALLOC_ZERO;
			struct delivery_list list, again;
			int good;

			start(&history, &list);
			good = order_apply(&history, &list, (enum order)first, 200,
				       SPAN_LITERAL("uid 0")) != -1 &&
			       order_apply(&history, &list, (enum order)second, 201,
				       SPAN_LITERAL("uid 0")) != -1;
			delivery_replay(&again, &envelope, span(history.s, history.len), NULL);
			ok(good && is_same(&list, &again), "%s, then %s: the history says the same",
				order_name((enum order)first), order_name((enum order)second));
			delivery_list_free(&list);
			delivery_list_free(&again);
			stralloc_free(&history);
		}
}

static void
each_order(void)
{
	stralloc history = STRALLOC_ZERO;
	struct delivery_list list;
	struct span const by = SPAN_LITERAL("uid 7");

	start(&history, &list);
	ok(order_apply(&history, &list, ORDER_RELEASE, 200, by) == 0,
		"what is not held can not be released");
	ok(order_apply(&history, &list, ORDER_HOLD, 200, by) == 1 && list.held == 200, "hold");
	ok(order_apply(&history, &list, ORDER_HOLD, 201, by) == 0 && list.held == 200,
		"held once is enough");
	ok(list.recipient[0].next == 900 && list.recipient[0].status == DELIVERY_PENDING,
		"a hold changes no recipient");
	ok(order_apply(&history, &list, ORDER_RETRY, 201, by) == 1 && list.held &&
			list.recipient[0].next == 0 && list.recipient[1].next == 0 &&
			list.recipient[1].attempts == 3,
		"retry makes all that waits due, counts no attempt, and ends no hold");
	ok(order_apply(&history, &list, ORDER_RELEASE, 202, by) == 1 && !list.held, "release");
	delivery_list_free(&list);

	start(&history, &list);
	order_apply(&history, &list, ORDER_HOLD, 200, by);
	ok(order_apply(&history, &list, ORDER_BOUNCE, 200, by) == 1 && !list.held &&
			list.recipient[0].status == DELIVERY_FAILED &&
			list.recipient[1].status == DELIVERY_FAILED &&
			list.recipient[1].attempts == 3 &&
			list.recipient[2].status == DELIVERY_DONE,
		"bounce fails what waits, and ends a hold");
	ok(order_apply(&history, &list, ORDER_BOUNCE, 201, by) == 0, "and does so once");
	delivery_list_free(&list);

	start(&history, &list);
	ok(order_apply(&history, &list, ORDER_REMOVE, 200, by) == 1 &&
			list.recipient[0].status == DELIVERY_DONE &&
			list.recipient[3].status == DELIVERY_DONE,
		"remove ends all, also a bounce that is not yet written");
	ok(order_apply(&history, &list, ORDER_REMOVE, 200, by) == 0, "once");
	ok(memcmp(history.s + history.len - 9, "by uid 7\n", 9) == 0,
		"the history names who did it");
	delivery_list_free(&list);
	stralloc_free(&history);
}

/* More ranges than a line takes, and a message without recipients. */
static void
edges(void)
{
	stralloc many = STRALLOC_ZERO, history = STRALLOC_ZERO;
	struct envelope e;
	struct delivery_list list, again;

	stralloc_catb(&many, "Fs@x", 5);
	for (int i = 0; i < 2 * (HISTORY_RANGES_MAX + 1); i++)
		stralloc_catb(&many, "Ta@x", 5);
	envelope_parse(&e, many.s, many.len);
	delivery_replay(&list, &e, span("", 0), NULL);
	for (uint64_t i = 0; i < list.length; i += 2)
		list.recipient[i].status = DELIVERY_DONE;
	ok(order_apply(&history, &list, ORDER_REMOVE, 5, SPAN_LITERAL("uid 0")) == 1,
		"more ranges than one line takes");
	delivery_replay(&again, &e, span(history.s, history.len), NULL);
	uint64_t done = 0;
	for (uint64_t i = 1; i < again.length; i += 2)
		done += again.recipient[i].status == DELIVERY_DONE;
	ok(done == HISTORY_RANGES_MAX + 1, "are all written");
	delivery_list_free(&list);
	delivery_list_free(&again);

	envelope_parse(&e, "Fs@x", 5);
	history.len = 0;
	delivery_replay(&list, &e, span("", 0), NULL);
	ok(order_apply(&history, &list, ORDER_HOLD, 5, SPAN_LITERAL("uid 0")) == 1 &&
			order_apply(&history, &list, ORDER_REMOVE, 5, SPAN_LITERAL("uid 0")) == 0,
		"a message without recipients can be held; there is nothing to remove");
	delivery_list_free(&list);
	delivery_replay(&list, &e, span(history.s, history.len), NULL);
	ok(list.held == 5, "and is still held when it is read again");
	delivery_list_free(&list);
	stralloc_free(&many);
	stralloc_free(&history);
}

int
main(void)
{
	enum order order;

	envelope_parse(&envelope, records, sizeof records - 1);
	for (int i = 0; i < ORDERS; i++)
		ok(order_parse(&order, span_string(order_name((enum order)i))) == 0 &&
				order == (enum order)i,
			"the word of an order: %s", order_name((enum order)i));
	ok(order_parse(&order, SPAN_LITERAL("holds")) == -1, "a word that is none");
	each_order();
	every_order();
	edges();
	return tap_end();
}
