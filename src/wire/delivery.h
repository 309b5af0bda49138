#ifndef WIRE_DELIVERY_H
#define WIRE_DELIVERY_H

#include <stdint.h>

#include "lib/span.h"
#include "wire/envelope.h"
#include "wire/history.h"

/*
 * The state of a queued message: its envelope replayed over its history. The
 * one place that says what a history means; send, the bounce writer and the
 * queue tools all ask here.
 */
enum delivery_status {
	DELIVERY_PENDING,
	DELIVERY_FAILED, /* and its bounce is not yet written */
	DELIVERY_DONE    /* delivered, or failed and the sender told, or removed */
};

struct delivery {
	struct span recipient;                  /* looks into the envelope */
	struct span notify, original_recipient; /* its records N and O; empty when not said */
	enum delivery_status status;
	uint32_t attempts;               /* that count */
	uint64_t next;                   /* seconds since 1970; 0: at once */
	struct span host, address, text; /* of the last event; they look into the history */
	uint64_t when;                   /* of the last event */
	enum history_event event;        /* the last one; without meaning while there was none */
	int unreported;  /* DONE, and the sender, who wants to hear of that, has not yet */
	uint64_t warned; /* when the sender was last told that it is late; 0: never */
};

struct delivery_list {
	struct delivery *recipient;
	uint64_t length;
	uint64_t held; /* since when nothing of it is tried (seconds since 1970); 0: it is not held
			*/
};

/*
 * Makes the list for a parsed envelope and the text of its history (empty for
 * none). Returns 0, or -1 without memory. What lines say of recipients that
 * are not there is ignored; damaged lines are counted in *damaged unless it is
 * NULL. delivery_list_free releases it.
 */
int delivery_replay(struct delivery_list *list, struct envelope const *envelope,
	struct span history, unsigned *damaged);

void delivery_list_free(struct delivery_list *list);

#endif
