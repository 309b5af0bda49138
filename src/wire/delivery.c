#include "wire/delivery.h"

#include <stdlib.h>

#include "wire/notice.h"

/* What is done stays done, whatever a later line says. */
static void
event_apply(struct delivery *d, struct history_line const *line, struct span sender)
{
	if (line->event == HISTORY_REPORTED || line->event == HISTORY_REMOVED)
		d->unreported = 0;
	if (d->status == DELIVERY_DONE)
		return;
	switch (line->event) {
	case HISTORY_DELIVERED:
	case HISTORY_RELAYED:
	case HISTORY_EXPANDED:
		d->unreported = notice_of_success_is_wanted(d->notify, sender);
		/* fall through */
	case HISTORY_PASSED: d->status = DELIVERY_DONE; break;
	case HISTORY_BOUNCED:
		if (d->status == DELIVERY_FAILED)
			d->status = DELIVERY_DONE;
		return;
	case HISTORY_WARNED: d->warned = line->time ? line->time : 1; return;
	case HISTORY_REPORTED: return;
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
	d->event = line->event;
}

/* Also a hold of long ago has a time. */
static void
line_apply(struct delivery_list *list, struct history_line const *line, struct span sender)
{
	if (line->event == HISTORY_HELD)
		list->held = line->time ? line->time : 1;
	else if (line->event == HISTORY_RELEASED)
		list->held = 0;
	for (size_t r = 0; r < line->ranges; r++)
		for (uint64_t i = line->range[r].first;
			i <= line->range[r].last && i < list->length; i++)
			event_apply(&list->recipient[i], line, sender);
}

/* Fills in the recipients, each with the records right before it. */
static void
recipients_list(struct delivery_list *list, struct envelope const *envelope)
{
	struct span const none = {"", 0};
	struct span rest = envelope->records, value, notify = none, original = none;
	uint64_t i = 0;
	char letter;

	while (i < list->length && envelope_record_next(&rest, &letter, &value) == 1) {
		if (letter == 'N') {
			notify = value;
		} else if (letter == 'O') {
			original = value;
		} else if (letter == 'T') {
			list->recipient[i].recipient = value;
			list->recipient[i].notify = notify;
			list->recipient[i++].original_recipient = original;
			notify = original = none;
		}
	}
}

int
delivery_replay(struct delivery_list *list, struct envelope const *envelope, struct span history,
	unsigned *damaged)
{
	struct history_line line;

	list->held = 0;
	list->length = envelope->recipients;
	list->recipient = calloc(list->length ? (size_t)list->length : 1, sizeof *list->recipient);
	if (!list->recipient)
		return -1;
	recipients_list(list, envelope);
	while (history_next(&line, &history, damaged))
		line_apply(list, &line, envelope->sender);
	return 0;
}

void
delivery_list_free(struct delivery_list *list)
{
	free(list->recipient);
	list->recipient = NULL;
	list->length = 0;
}
