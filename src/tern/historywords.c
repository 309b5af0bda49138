#include "tern/historywords.h"

#include <stdio.h>

#include "lib/clock.h"
#include "lib/text.h"
#include "tern/queueoptions.h"
#include "tern/words.h"

enum { NAMED_MAX = 3 }; /* recipients of a line that are named */

/* "b@example.net", or "a, b, c and 7 more". */
static int
recipients_append(stralloc *out, struct queued const *q, struct history_line const *line)
{
	uint64_t count = 0;
	char more[40];
	int good = 1;

	for (size_t r = 0; r < line->ranges; r++)
		for (uint64_t i = line->range[r].first;
			good && i <= line->range[r].last && i < q->deliveries.length; i++)
			if (count++ < NAMED_MAX)
				good = (count == 1 || stralloc_cats(out, ", ")) &&
				       text_append_clean(out, q->deliveries.recipient[i].recipient);
	snprintf(more, sizeof more, " and %llu more", (unsigned long long)(count - NAMED_MAX));
	return good && (count <= NAMED_MAX || stralloc_cats(out, more));
}

static int
host_append(stralloc *out, struct history_line const *line)
{
	if (line->host.len == 0)
		return 1;
	if (!stralloc_cats(out, " by ") || !text_append_clean(out, line->host))
		return 0;
	return line->address.len == 0 || span_equal(line->address, line->host) ||
	       (stralloc_cats(out, " [") && text_append_clean(out, line->address) &&
		       stralloc_cats(out, "]"));
}

/* What an administrator did is about the message; the rest about recipients. */
static int
event_append(stralloc *out, struct queued const *q, struct history_line const *line)
{
	static char const *const words[] = {
		[HISTORY_DELIVERED] = " was accepted",
		[HISTORY_FAILED] = " failed",
		[HISTORY_DEFERRED] = " was deferred",
		[HISTORY_TROUBLE] = " could not be tried",
		[HISTORY_BOUNCED] = ": the sender was told",
		[HISTORY_RELAYED] = " was accepted, by a server that tells the sender nothing",
		[HISTORY_PASSED] = " was accepted, by a server that tells the sender of it",
		[HISTORY_EXPANDED] = " was sent on to other addresses",
		[HISTORY_REPORTED] = ": the sender was told of the delivery",
		[HISTORY_WARNED] = ": the sender was told of the delay",
		[HISTORY_HELD] = "held",
		[HISTORY_RELEASED] = "released",
		[HISTORY_RETRY] = " is to be tried at once",
		[HISTORY_REMOVED] = " was removed",
	};
	char attempt[32];

	if (line->event == HISTORY_HELD || line->event == HISTORY_RELEASED)
		return stralloc_cats(out, words[line->event]);
	snprintf(attempt, sizeof attempt, "attempt %llu: ", (unsigned long long)line->attempt);
	return (line->attempt == 0 || stralloc_cats(out, attempt)) &&
	       recipients_append(out, q, line) && stralloc_cats(out, words[line->event]) &&
	       host_append(out, line);
}

int
history_words_append(stralloc *out, struct queued const *q, struct history_line const *line)
{
	char when[WORDS_MAX];

	words_time(when, line->time);
	if (!text_append(out, "  ", when, "  ", (char *)NULL) || !event_append(out, q, line))
		return 0;
	if (line->text.len && (!stralloc_cats(out, ": ") || !text_append_clean(out, line->text)))
		return 0;
	return stralloc_cats(out, "\n");
}

static int
next_append(stralloc *out, struct queued const *q)
{
	uint64_t now = clock_wall() / 1000000;
	uint64_t next = UINT64_MAX;
	char when[WORDS_MAX], left[WORDS_MAX];

	if (q->deliveries.held)
		return stralloc_cats(out, "  next: held; tern queue release lets it go on\n");
	if (q->is_active)
		return stralloc_cats(out, "  next: tern-send works on it now\n");
	for (uint64_t i = 0; i < q->deliveries.length; i++)
		if (q->deliveries.recipient[i].status == DELIVERY_PENDING &&
			q->deliveries.recipient[i].next < next)
			next = q->deliveries.recipient[i].next;
	if (next == UINT64_MAX)
		return stralloc_cats(out, queued_is_bouncing(q) ? "  next: the sender is told\n"
								: "  next: it is removed\n");
	if (next <= now)
		return stralloc_cats(out, "  next: a try as soon as there is room\n");
	words_time(when, next);
	words_span(left, next - now);
	return text_append(out, "  next: a try at ", when, ", in ", left, "\n", (char *)NULL);
}

int
history_words_append_all(stralloc *out, struct queued const *q)
{
	struct history_line line;
	struct span rest = span(q->history.s, q->history.len);
	unsigned damaged = 0;
	char text[64];
	int good = 1;

	while (good && history_next(&line, &rest, &damaged))
		good = history_words_append(out, q, &line);
	snprintf(text, sizeof text, "  %u damaged line%s passed over\n", damaged,
		damaged == 1 ? " is" : "s are");
	return good && (damaged == 0 || stralloc_cats(out, text)) && next_append(out, q);
}
