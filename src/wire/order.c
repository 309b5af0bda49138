#include "wire/order.h"

#include "lib/text.h"
#include "wire/history.h"

static char const *const names[ORDERS] = {
	[ORDER_HOLD] = "hold",
	[ORDER_RELEASE] = "release",
	[ORDER_RETRY] = "retry",
	[ORDER_REMOVE] = "remove",
	[ORDER_BOUNCE] = "bounce",
};

char const *
order_name(enum order order)
{
	return names[order];
}

int
order_parse(enum order *order, struct span word)
{
	for (size_t i = 0; i < ORDERS; i++)
		if (span_equal(word, span_string(names[i]))) {
			*order = (enum order)i;
			return 0;
		}
	return -1;
}

/* A line about the whole message. One without recipients has a line all the same. */
static int
message_line(stralloc *lines, struct delivery_list const *list, enum history_event event,
	uint64_t now, struct span text)
{
	struct history_line line = {.time = now, .event = event, .ranges = 1, .text = text};

	line.range[0].last = list->length ? list->length - 1 : 0;
	return history_append(lines, &line) ? 1 : -1;
}

static int
hold(stralloc *lines, struct delivery_list *list, uint64_t now, struct span text)
{
	if (list->held)
		return 0;
	list->held = now ? now : 1;
	return message_line(lines, list, HISTORY_HELD, now, text);
}

static int
release(stralloc *lines, struct delivery_list *list, uint64_t now, struct span text)
{
	if (!list->held)
		return 0;
	list->held = 0;
	return message_line(lines, list, HISTORY_RELEASED, now, text);
}

/* Whether an event changes this recipient. */
static int
concerns(struct delivery const *d, enum history_event event)
{
	return d->status == DELIVERY_PENDING ||
	       (event == HISTORY_REMOVED && (d->status == DELIVERY_FAILED || d->unreported));
}

static void
recipient_change(struct delivery *d, enum history_event event)
{
	switch (event) {
	case HISTORY_RETRY: d->next = 0; break;
	case HISTORY_REMOVED:
		d->status = DELIVERY_DONE;
		d->unreported = 0;
		break;
	case HISTORY_FAILED:
		d->status = DELIVERY_FAILED;
		d->next = 0;
		break;
	default: break;
	}
}

/* The line takes recipient i, or is full or about another attempt: then it must be written first.
 */
static int
line_takes(struct history_line *line, uint64_t i, uint64_t attempt)
{
	struct range *last = line->ranges ? &line->range[line->ranges - 1] : NULL;

	if (last && line->attempt != attempt)
		return 0;
	if (last && last->last + 1 == i) {
		last->last = i;
		return 1;
	}
	if (line->ranges == HISTORY_RANGES_MAX)
		return 0;
	line->attempt = attempt;
	line->range[line->ranges++] = (struct range){i, i};
	return 1;
}

/* Lines about the recipients that the event concerns; these change. */
static int
recipient_lines(stralloc *lines, struct delivery_list *list, enum history_event event, uint64_t now,
	struct span text)
{
	struct history_line line = {.time = now, .event = event, .text = text};
	int changed = 0;

	for (uint64_t i = 0; i < list->length; i++) {
		struct delivery *d = &list->recipient[i];
		uint64_t attempt = event == HISTORY_FAILED ? d->attempts : 0;

		if (!concerns(d, event))
			continue;
		if (!line_takes(&line, i, attempt)) {
			if (!history_append(lines, &line))
				return -1;
			line.ranges = 0;
			line_takes(&line, i, attempt);
		}
		recipient_change(d, event);
		changed = 1;
	}
	if (line.ranges && !history_append(lines, &line))
		return -1;
	return changed;
}

static int
bounce(stralloc *lines, struct delivery_list *list, uint64_t now, struct span text)
{
	int released = release(lines, list, now, text);
	int failed = recipient_lines(lines, list, HISTORY_FAILED, now,
		SPAN_LITERAL("The administrator of this mail system has ended the delivery of this "
			     "message. (#5.7.0)"));

	return released == -1 || failed == -1 ? -1 : released || failed;
}

int
order_apply(
	stralloc *lines, struct delivery_list *list, enum order order, uint64_t now, struct span by)
{
	stralloc text = STRALLOC_ZERO;
	int result = -1;

	if (stralloc_cats(&text, "by ") && stralloc_catb(&text, by.s, by.len)) {
		struct span words = span(text.s, text.len);

		switch (order) {
		case ORDER_HOLD: result = hold(lines, list, now, words); break;
		case ORDER_RELEASE: result = release(lines, list, now, words); break;
		case ORDER_RETRY:
			result = recipient_lines(lines, list, HISTORY_RETRY, now, words);
			break;
		case ORDER_REMOVE:
			result = recipient_lines(lines, list, HISTORY_REMOVED, now, words);
			break;
		case ORDER_BOUNCE: result = bounce(lines, list, now, words); break;
		}
	}
	stralloc_free(&text);
	return result;
}
