#ifndef SEND_ORDERS_H
#define SEND_ORDERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/queuecontrol.h"

/*
 * Carries out an order for the messages of these ids, at most
 * QUEUECONTROL_IDS_MAX; results[i] says what became of it for ids[i]. No
 * further delivery of a message starts then, but those that are under way go
 * on: hold and release count at once all the same; retry, remove and bounce
 * are for what is left when they have ended (ORDER_LATER).
 */
void orders_take(
	enum order order, uid_t by, uint64_t const *ids, size_t count, enum order_result *results);

/* Where a message is. */
enum queue_state orders_state(uint64_t id);

#endif
