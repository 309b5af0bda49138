#include "wire/delivery.h"

#include <stdlib.h>

#include "wire/history.h"

/* What is done stays done, whatever a later line says. */
static void
event_apply(struct delivery *d, struct history_line const *line)
{
	if (d->status == DELIVERY_DONE)
		return;
	switch (line->event) {
	case HISTORY_DELIVERED: d->status = DELIVERY_DONE; break;
	case HISTORY_BOUNCED:
		if (d->status == DELIVERY_FAILED)
			d->status = DELIVERY_DONE;
		return;
	case HISTORY_FAILED: d->status = DELIVERY_FAILED; break;
	case HISTORY_REMOVED: d->status = DELIVERY_DONE; return;
	case HISTORY_RETRY: d->next = 0; return;
	case HISTORY_HELD:
	case HISTORY_RELEASED: return;
	case HISTORY_DEFERRED:
	case HISTORY_TROUBLE:
		if (d->status == DELIVERY_FAILED)
			return;
		break;
	}
	d->attempts = (uint32_t)line->attempt;
	d->next = line->next;
	d->host = line->host;
	d->address = line->address;
	d->text = line->text;
	d->when = line->time;
}

/* Also a hold of long ago has a time. */
static void
line_apply(struct delivery_list *list, struct history_line const *line)
{
	if (line->event == HISTORY_HELD)
		list->held = line->time ? line->time : 1;
	else if (line->event == HISTORY_RELEASED)
		list->held = 0;
	for (size_t r = 0; r < line->ranges; r++)
		for (uint64_t i = line->range[r].first;
			i <= line->range[r].last && i < list->length; i++)
			event_apply(&list->recipient[i], line);
}

int
delivery_replay(struct delivery_list *list, struct envelope const *envelope, struct span history,
	unsigned *damaged)
{
	struct history_line line;
	size_t position = 0;

	list->held = 0;
	list->length = envelope->recipients;
	list->recipient = calloc(list->length ? (size_t)list->length : 1, sizeof *list->recipient);
	if (!list->recipient)
		return -1;
	for (uint64_t i = 0; i < list->length; i++)
		envelope_recipient_next(envelope, &position, &list->recipient[i].recipient);
	while (history_next(&line, &history, damaged))
		line_apply(list, &line);
	return 0;
}

void
delivery_list_free(struct delivery_list *list)
{
	free(list->recipient);
	list->recipient = NULL;
	list->length = 0;
}
