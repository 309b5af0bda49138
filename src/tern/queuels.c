#include <stdio.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/exits.h"
#include "lib/json.h"
#include "lib/text.h"
#include "tern/queuecommands.h"
#include "tern/queueeach.h"
#include "tern/words.h"

#define USAGE "tern queue ls [--json] [--dir DIR] [SELECTION]"

enum { OUTPUT_MAX = 64 * 1024, REASON_INDENT = 19 };

struct listing {
	stralloc out;
	int json, is_terminal; /* on a terminal each is shown as it is found */
	uint64_t messages, bytes, now;
};

/* The recipient that is not done and has most to say: the one tried last. */
static struct delivery const *
recipient_of_interest(struct queued const *q)
{
	struct delivery const *found = NULL;

	for (uint64_t i = 0; i < q->deliveries.length; i++) {
		struct delivery const *d = &q->deliveries.recipient[i];

		if (d->status != DELIVERY_DONE && (!found || d->when > found->when))
			found = d;
	}
	return found;
}

static uint64_t
recipients_left(struct queued const *q)
{
	uint64_t left = 0;

	for (uint64_t i = 0; i < q->deliveries.length; i++)
		left += q->deliveries.recipient[i].status != DELIVERY_DONE;
	return left;
}

static int
reason_print(struct listing *l, struct queued const *q, struct delivery const *d)
{
	char left[WORDS_MAX], text[64];

	if (d->when == 0)
		return 1;
	snprintf(text, sizeof text, "%*s", REASON_INDENT, "");
	if (!stralloc_cats(&l->out, text) || !text_append_clean(&l->out, d->text))
		return 0;
	words_span(left, d->next > l->now ? d->next - l->now : 0);
	if (d->status == DELIVERY_PENDING && !q->deliveries.held && !q->is_active)
		return text_append(&l->out, "; next try in ", left, "\n", (char *)NULL);
	return stralloc_cats(&l->out, "\n");
}

static int
line_print(struct listing *l, struct queued const *q)
{
	struct delivery const *d = recipient_of_interest(q);
	uint64_t left = recipients_left(q);
	uint64_t arrival = q->id / 1000000;
	char age[WORDS_MAX], size[WORDS_MAX], line[120];

	words_span(age, l->now > arrival ? l->now - arrival : 0);
	words_size(size, q->entry.message);
	snprintf(line, sizeof line, "%-18llu %8s %8s  %-8s  <", (unsigned long long)q->id, age,
		size, message_state_name(message_state(q)));
	if (!stralloc_cats(&l->out, line) ||
		!text_append_clean(&l->out, q->entry.envelope.sender) ||
		!stralloc_cats(&l->out, "> to ") || !text_append_clean(&l->out, d->recipient))
		return 0;
	snprintf(line, sizeof line, " and %llu more", (unsigned long long)left - 1);
	return (left == 1 || stralloc_cats(&l->out, line)) && stralloc_cats(&l->out, "\n") &&
	       reason_print(l, q, d);
}

static int
object_print(struct listing *l, struct queued const *q)
{
	struct delivery const *d = recipient_of_interest(q);
	stralloc *out = &l->out;

	return stralloc_cats(out, "{\"id\":\"") && text_append_number(out, q->id) &&
	       stralloc_cats(out, "\"") &&
	       json_append_text_field(
		       out, "state", span_string(message_state_name(message_state(q)))) &&
	       json_append_number_field(out, "arrival", q->id / 1000000) &&
	       json_append_number_field(out, "size", q->entry.message) &&
	       json_append_text_field(out, "sender", q->entry.envelope.sender) &&
	       json_append_text_field(out, "recipient", d->recipient) &&
	       json_append_number_field(out, "recipients_left", recipients_left(q)) &&
	       json_append_number_field(out, "attempts", d->attempts) &&
	       json_append_number_field(out, "next", d->next) &&
	       json_append_text_field(out, "reason", d->text) && stralloc_cats(out, "}\n");
}

static void
message_print(void *context, struct queued const *q)
{
	struct listing *l = context;

	memory_or_die(l->json ? object_print(l, q) : line_print(l, q));
	l->messages++;
	l->bytes += q->entry.message;
	if (l->out.len > OUTPUT_MAX || l->is_terminal)
		output_flush(&l->out);
}

int
queue_ls_main(int argc, char const *const *argv)
{
	struct listing l = {.is_terminal = isatty(1), .now = clock_wall() / 1000000};
	struct queue_options options;
	struct queue_access access;
	char size[WORDS_MAX], line[100];
	int result;

	queue_options_read(&options, argc, argv, ACCEPT_SELECTION, USAGE);
	queue_access_open(&access, options.directory, INTENT_READ);
	l.json = options.json;
	options.shows_progress = !l.is_terminal && isatty(2);
	result = queue_each(&access, &options, message_print, &l);
	words_size(size, l.bytes);
	snprintf(line, sizeof line, "%llu %s, %s%s\n", (unsigned long long)l.messages,
		words_messages(l.messages), size,
		l.messages == options.limit ? "; there may be more (--limit)" : "");
	memory_or_die(l.json || stralloc_cats(&l.out, line));
	output_flush(&l.out);
	return result == 0 ? EXIT_OK : EXIT_TEMPORARY;
}
