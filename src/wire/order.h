#ifndef WIRE_ORDER_H
#define WIRE_ORDER_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "wire/delivery.h"

/*
 * What an administrator may want of a queued message, and what that does to
 * its state and its history. tern-send carries orders out while it runs, the
 * tool of the queue while it does not; both ask here.
 */
enum order {
	ORDER_HOLD,    /* nothing of it is tried until it is released */
	ORDER_RELEASE, /* it goes on where it was held */
	ORDER_RETRY,   /* all that waits is due now; no attempt is forgotten */
	ORDER_REMOVE,  /* done for all recipients; nobody is told */
	ORDER_BOUNCE   /* failed for all that wait, and the sender is told; ends a hold */
};

enum { ORDERS = 5 };

/* The word of an order, and back: returns 0, or -1 when it is none. */
char const *order_name(enum order order);
int order_parse(enum order *order, struct span word);

/*
 * Changes *list as the order says, and appends the lines that say so to
 * *lines. `by` names who gave it ("uid 0"). Returns 1; 0 when the message is
 * already so and there is nothing to write; or -1 without memory.
 */
int order_apply(stralloc *lines, struct delivery_list *list, enum order order, uint64_t now,
	struct span by);

#endif
