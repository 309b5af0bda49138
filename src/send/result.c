#include "send/message.h"

#include <string.h>

#include "lib/clock.h"
#include "send/counters.h"
#include "send/destination.h"
#include "send/history.h"
#include "send/lifetime.h"
#include "send/log.h"
#include "send/settings.h"
#include "wire/deferral.h"
#include "wire/history.h"

/*
 * What a verdict means for a recipient: done, failed, or another attempt at a
 * time that control/retry gives. Only an explicit refusal, the end of the
 * queue lifetime or of the attempts makes it final; trouble of our own does
 * not count as an attempt.
 */
struct outcome {
	enum history_event event;
	enum delivery_status status;
	uint64_t attempts, next;
	char const *added; /* a sentence */
};

static char const too_long[] =
	" I'm not going to try again; this message has been in the queue too long. (#5.4.7)";
static char const too_often[] =
	" I'm not going to try again; that was the last attempt of control/retry. (#5.4.7)";

enum {
	ADDED_MAX = sizeof too_long,
	LOST_SECONDS = 60,    /* until one asks again for a failure that was not written down */
	GREYLIST_SECONDS = 60 /* until the second attempt, when the server gives no time */
};

static uint64_t
now_seconds(void)
{
	return clock_wall() / 1000000;
}

/* control/retry is asked for the domain, also of a local address. */
static struct span
retry_key(struct batch const *b)
{
	struct span name = b->destination->name;
	size_t at = span_find_last(name, '@');

	return at < name.len ? span(name.s + at + 1, name.len - at - 1) : name;
}

int
message_recipient_is_due(struct delivery const *d, uint64_t now)
{
	uint64_t longest = settings.retry.longest + settings.retry.longest / 16;

	return d->next <= now || d->next - now > longest || d->when > now;
}

/*
 * Where no line of control/retry decides, a server that greylists is tried a
 * second time when it says, or soon.
 */
static uint32_t
interval_of(struct retry_rule const *rule, unsigned rule_line, enum deferral_class class,
	uint32_t attempt, struct span text)
{
	uint32_t interval = retry_interval(rule, attempt);
	uint32_t hint;

	if (rule_line || class != DEFERRAL_GREYLIST || attempt != 1)
		return interval;
	hint = deferral_hint(text);
	if (hint == 0)
		return GREYLIST_SECONDS;
	return hint < GREYLIST_SECONDS ? GREYLIST_SECONDS : hint;
}

static struct outcome
temporary_outcome(
	struct batch const *b, struct delivery const *d, enum verdict verdict, struct span text)
{
	uint64_t now = now_seconds();
	uint64_t expires = lifetime_end(b->message->id);
	uint32_t attempts = d->attempts + (verdict == VERDICT_DEFERRED);
	enum deferral_class class = deferral_classify(verdict, text);
	struct retry_rule rule;
	unsigned rule_line;
	uint32_t interval;
	uint64_t next;

	retry_find(&settings.retry, retry_key(b), deferral_class_name(class), &rule, &rule_line);
	if (now >= expires)
		return (struct outcome){HISTORY_FAILED, DELIVERY_FAILED, attempts, 0, too_long};
	if (verdict == VERDICT_DEFERRED && rule.attempts && attempts >= rule.attempts)
		return (struct outcome){HISTORY_FAILED, DELIVERY_FAILED, attempts, 0, too_often};
	interval = interval_of(&rule, rule_line, class, d->attempts + 1, text);
	next = now + interval + retry_jitter(b->message->id, interval);
	return (struct outcome){verdict == VERDICT_DEFERRED ? HISTORY_DEFERRED : HISTORY_TROUBLE,
		DELIVERY_PENDING, attempts, next < expires ? next : expires, NULL};
}

/* How far it came is remembered where the sender wants to hear of it (RFC 3461, 5.2). */
static enum history_event
success_of(struct batch const *b, struct delivery const *d, enum handover handover)
{
	static enum history_event const events[] = {[HANDOVER_FINAL] = HISTORY_DELIVERED,
		[HANDOVER_RELAYED] = HISTORY_RELAYED,
		[HANDOVER_PASSED] = HISTORY_PASSED,
		[HANDOVER_EXPANDED] = HISTORY_EXPANDED};

	if (!notice_of_success_is_wanted(d->notify, b->message->entry.envelope.sender))
		return HISTORY_DELIVERED;
	return events[handover];
}

static struct outcome
outcome_of(struct batch const *b, struct delivery const *d, struct said const *said)
{
	switch (said->verdict) {
	case VERDICT_DELIVERED:
		return (struct outcome){
			success_of(b, d, said->handover), DELIVERY_DONE, d->attempts + 1, 0, NULL};
	case VERDICT_FAILED:
		return (struct outcome){HISTORY_FAILED, DELIVERY_FAILED, d->attempts + 1, 0, NULL};
	case VERDICT_DEFERRED:
	case VERDICT_TROUBLE: break;
	}
	return temporary_outcome(b, d, said->verdict, said->text);
}

/* The line that is being gathered: recipients with the same outcome share one. */
static struct history_line line;
static stralloc line_text = STRALLOC_ZERO;

/*
 * A failure that is not written down must not count: tern-bounce knows the
 * history alone, and nobody would be told of it. Of a success nobody is.
 */
static void
line_lost(struct message *m)
{
	log_alert("out of memory; what happened to a recipient is not written down", span("", 0));
	for (size_t r = 0; r < line.ranges; r++)
		for (uint64_t i = line.range[r].first; i <= line.range[r].last; i++) {
			struct delivery *d = &m->deliveries.recipient[i];

			d->unreported = 0;
			if (line.event != HISTORY_FAILED)
				continue;
			d->status = DELIVERY_PENDING;
			d->next = now_seconds() + LOST_SECONDS;
		}
}

/* A message is removed as soon as its only recipient is done: its history would go with it. */
static int
is_over(struct message const *m)
{
	struct delivery const *d = &m->deliveries.recipient[0];

	return m->deliveries.length == 1 && d->status == DELIVERY_DONE && !d->unreported;
}

static void
line_write(struct message *m)
{
	if (line.ranges == 0)
		return;
	if (line.event == HISTORY_DELIVERED && is_over(m)) {
		line.ranges = 0;
		return;
	}
	line.text = span(line_text.s, line_text.len);
	if (!history_append(&m->unwritten, &line))
		line_lost(m);
	if (line.event != HISTORY_DEFERRED && line.event != HISTORY_TROUBLE)
		m->unwritten_done = 1;
	line.ranges = 0;
}

static int
line_fits(struct outcome const *outcome, struct span text)
{
	return line.ranges && line.ranges < HISTORY_RANGES_MAX && line.event == outcome->event &&
	       line.attempt == outcome->attempts && line.next == outcome->next &&
	       span_equal(text, span(line_text.s, line_text.len));
}

static void
line_add_recipient(uint32_t number)
{
	if (line.ranges && line.range[line.ranges - 1].last + 1 == number)
		line.range[line.ranges - 1].last = number;
	else
		line.range[line.ranges++] = (struct range){number, number};
}

void
message_result(struct batch *b, size_t place, struct said const *said)
{
	static stralloc words = STRALLOC_ZERO;
	struct message *m = b->message;
	uint32_t number = genalloc_s(uint32_t, &b->numbers)[place];
	struct delivery *d = &m->deliveries.recipient[number];
	struct outcome outcome = outcome_of(b, d, said);
	struct span text = said->text;

	counters_result(b, said->verdict, said->host, text);
	if (text.len > HISTORY_TEXT_MAX - ADDED_MAX)
		text.len = HISTORY_TEXT_MAX - ADDED_MAX;
	if (!stralloc_copyb(&words, text.s, text.len) ||
		!stralloc_cats(&words, outcome.added ? outcome.added : ""))
		words.len = 0;
	if (!line_fits(&outcome, span(words.s, words.len))) {
		line_write(m);
		line = (struct history_line){.time = now_seconds(),
			.event = outcome.event,
			.attempt = outcome.attempts,
			.next = outcome.next,
			.host = said->host,
			.address = said->address};
		if (!stralloc_copy(&line_text, &words))
			line_text.len = 0;
	}
	line_add_recipient(number);
	d->status = outcome.status;
	d->attempts = (uint32_t)outcome.attempts;
	d->next = outcome.next;
	d->when = line.time;
	d->event = outcome.event;
	d->unreported = outcome.status == DELIVERY_DONE && outcome.event != HISTORY_PASSED &&
			notice_of_success_is_wanted(d->notify, m->entry.envelope.sender);
}

void
message_results_end(struct message *m)
{
	line_write(m);
}

static void
recipient_told(struct delivery *d, enum notice_kind kind)
{
	switch (kind) {
	case NOTICE_FAILURE: d->status = DELIVERY_DONE; break;
	case NOTICE_SUCCESS: d->unreported = 0; break;
	case NOTICE_DELAY: d->warned = line.time; break;
	}
}

/* Of failures and deliveries all, also those that the sender wants not told. */
void
message_results_told(struct message *m, enum notice_kind kind, struct span text)
{
	static enum history_event const events[NOTICE_KINDS] = {[NOTICE_FAILURE] = HISTORY_BOUNCED,
		[NOTICE_SUCCESS] = HISTORY_REPORTED,
		[NOTICE_DELAY] = HISTORY_WARNED};

	line = (struct history_line){.time = now_seconds(), .event = events[kind]};
	if (!stralloc_copyb(&line_text, text.s, text.len))
		line_text.len = 0;
	for (uint64_t i = 0; i < m->deliveries.length; i++) {
		struct delivery *d = &m->deliveries.recipient[i];

		if (kind == NOTICE_DELAY ? !notice_concerns(kind, d, m->entry.envelope.sender)
					 : !notice_fits(kind, d))
			continue;
		recipient_told(d, kind);
		if (line.ranges == HISTORY_RANGES_MAX)
			line_write(m);
		line_add_recipient((uint32_t)i);
	}
	line_write(m);
}
