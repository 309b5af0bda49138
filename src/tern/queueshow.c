#include "tern/queueshow.h"

#include <stdio.h>

#include "lib/clock.h"
#include "lib/exits.h"
#include "lib/json.h"
#include "lib/text.h"
#include "tern/historywords.h"
#include "tern/queuecommands.h"
#include "tern/queueeach.h"
#include "tern/words.h"
#include "wire/history.h"

#include <skalibs/strerr.h>

#define USAGE "tern queue show [--json] [--dir DIR] ID..."

static char const *const status_names[] = {
	[DELIVERY_PENDING] = "pending",
	[DELIVERY_FAILED] = "failed",
	[DELIVERY_DONE] = "done",
};

static int
fact_append(stralloc *out, char const *name, struct span value)
{
	return value.len == 0 || (text_append(out, "  ", name, ": ", (char *)NULL) &&
					 text_append_clean(out, value) && stralloc_cats(out, "\n"));
}

static int
origin_append(stralloc *out, struct envelope const *e)
{
	char text[100];

	snprintf(text, sizeof text, "  handed in by uid %llu to process %llu\n",
		(unsigned long long)e->uid, (unsigned long long)e->pid);
	return fact_append(out, "came by", e->via) && fact_append(out, "from host", e->helo) &&
	       fact_append(out, "at address", e->address) &&
	       fact_append(out, "with", e->protocol) && stralloc_cats(out, text) &&
	       stralloc_cats(out, e->body == BODY_8BIT ? "  body: 8 bits\n" : "") &&
	       stralloc_cats(out, e->smtputf8 ? "  needs SMTPUTF8\n" : "");
}

static int
head_append(stralloc *out, struct queued const *q)
{
	uint64_t now = clock_wall() / 1000000;
	uint64_t arrival = q->id / 1000000;
	char when[WORDS_MAX], age[WORDS_MAX], size[WORDS_MAX];

	words_time(when, arrival);
	words_span(age, now > arrival ? now - arrival : 0);
	words_size(size, q->entry.message);
	return stralloc_cats(out, "message ") && text_append_number(out, q->id) &&
	       text_append(out, ": ", message_state_name(message_state(q)), "\n  arrived: ", when,
		       ", ", age, " ago\n  size: ", size, "\n  sender: <", (char *)NULL) &&
	       text_append_clean(out, q->entry.envelope.sender) && stralloc_cats(out, ">\n");
}

static int
recipient_append(stralloc *out, struct delivery const *d)
{
	char attempts[40], when[WORDS_MAX];

	snprintf(attempts, sizeof attempts, ", %lu attempt%s", (unsigned long)d->attempts,
		d->attempts == 1 ? "" : "s");
	words_time(when, d->next);
	return stralloc_cats(out, "    ") && text_append_clean(out, d->recipient) &&
	       text_append(out, ": ", status_names[d->status], attempts, (char *)NULL) &&
	       (d->status != DELIVERY_PENDING || d->next == 0 ||
		       text_append(out, ", next ", when, (char *)NULL)) &&
	       stralloc_cats(out, "\n");
}

int
message_show(stralloc *out, struct queued const *q)
{
	int good = head_append(out, q) && origin_append(out, &q->entry.envelope) &&
		   stralloc_cats(out, "  recipients:\n");

	for (uint64_t i = 0; good && i < q->deliveries.length; i++)
		good = recipient_append(out, &q->deliveries.recipient[i]);
	return good && history_words_append_all(out, q);
}

/* --- the same in JSON --- */

static int
recipient_object(stralloc *out, struct delivery const *d)
{
	return stralloc_cats(out, "{\"address\":") && json_append_string(out, d->recipient) &&
	       json_append_text_field(out, "status", span_string(status_names[d->status])) &&
	       json_append_number_field(out, "attempts", d->attempts) &&
	       json_append_number_field(out, "next", d->next) &&
	       json_append_number_field(out, "when", d->when) &&
	       json_append_text_field(out, "host", d->host) &&
	       json_append_text_field(out, "host_address", d->address) &&
	       json_append_text_field(out, "reason", d->text) && stralloc_cats(out, "}");
}

static int
event_object(stralloc *out, struct history_line const *line)
{
	int good = stralloc_cats(out, "{\"event\":") &&
		   json_append_string(out, span_string(history_event_name(line->event))) &&
		   json_append_number_field(out, "time", line->time) &&
		   json_append_number_field(out, "attempt", line->attempt) &&
		   json_append_number_field(out, "next", line->next) &&
		   json_append_text_field(out, "host", line->host) &&
		   json_append_text_field(out, "host_address", line->address) &&
		   json_append_text_field(out, "text", line->text) &&
		   stralloc_cats(out, ",\"recipients\":[");

	for (size_t r = 0; good && r < line->ranges; r++)
		good = stralloc_cats(out, r ? ",[" : "[") &&
		       text_append_number(out, line->range[r].first) && stralloc_cats(out, ",") &&
		       text_append_number(out, line->range[r].last) && stralloc_cats(out, "]");
	return good && stralloc_cats(out, "]}");
}

int
message_object(stralloc *out, struct queued const *q)
{
	struct envelope const *e = &q->entry.envelope;
	struct span rest = span(q->history.s, q->history.len);
	struct history_line line;
	int good = stralloc_cats(out, "{\"id\":\"") && text_append_number(out, q->id) &&
		   stralloc_cats(out, "\"") &&
		   json_append_text_field(
			   out, "state", span_string(message_state_name(message_state(q)))) &&
		   json_append_number_field(out, "arrival", q->id / 1000000) &&
		   json_append_number_field(out, "size", q->entry.message) &&
		   json_append_number_field(out, "held", q->deliveries.held) &&
		   json_append_text_field(out, "sender", e->sender) &&
		   json_append_text_field(out, "via", e->via) &&
		   json_append_text_field(out, "helo", e->helo) &&
		   json_append_text_field(out, "client", e->address) &&
		   json_append_number_field(out, "uid", e->uid) &&
		   stralloc_cats(out, ",\"recipients\":[");

	for (uint64_t i = 0; good && i < q->deliveries.length; i++)
		good = (i == 0 || stralloc_cats(out, ",")) &&
		       recipient_object(out, &q->deliveries.recipient[i]);
	good = good && stralloc_cats(out, "],\"history\":[");
	for (int first = 1; good && history_next(&line, &rest, NULL); first = 0)
		good = (first || stralloc_cats(out, ",")) && event_object(out, &line);
	return good && stralloc_cats(out, "]}");
}

static void
message_print(void *context, struct queued const *q)
{
	stralloc out = STRALLOC_ZERO;

	memory_or_die(*(int *)context ? message_object(&out, q) && stralloc_cats(&out, "\n")
				      : message_show(&out, q));
	output_flush(&out);
	stralloc_free(&out);
}

int
queue_show_main(int argc, char const *const *argv)
{
	struct queue_options options;
	struct queue_access access;

	queue_options_read(&options, argc, argv, ACCEPT_IDS, USAGE);
	if (genalloc_len(uint64_t, &options.ids) == 0)
		strerr_dieusage(EXIT_PERMANENT, USAGE);
	queue_access_open(&access, options.directory, INTENT_READ);
	return queue_each(&access, &options, message_print, &options.json) == 0 ? EXIT_OK
										: EXIT_TEMPORARY;
}
