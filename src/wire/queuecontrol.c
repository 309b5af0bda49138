#include "wire/queuecontrol.h"

#include <stdio.h>

#include "wire/fields.h"

uint64_t const queue_latency_bound[LATENCY_STEPS] = {100, 500, 1000, 5000, 10000, 30000, 60000,
	300000, 900000, 3600000, 14400000, 86400000, UINT64_MAX};

static char const order_letters[] = {
	[ORDER_DONE] = '+',
	[ORDER_LATER] = 'w',
	[ORDER_NOTHING] = '=',
	[ORDER_UNKNOWN] = '?',
	[ORDER_TROUBLE] = '!',
};

static char const state_letters[] = {
	[QUEUE_STATE_UNKNOWN] = '?',
	[QUEUE_STATE_WAITING] = '.',
	[QUEUE_STATE_ACTIVE] = '*',
	[QUEUE_STATE_HELD] = '!',
};

/* Words of requests that are no orders. */
static char const *const verb_names[] = {
	[VERB_STATE] = "state",
	[VERB_COUNTS] = "counts",
	[VERB_DESTINATIONS] = "destinations",
	[VERB_REPLIES] = "replies",
};

enum { VERBS = sizeof verb_names / sizeof verb_names[0] };

static char const *const count_names[] = {
	[COUNT_STARTED] = "started",
	[COUNT_TODO] = "todo",
	[COUNT_DEFERRED] = "deferred",
	[COUNT_ACTIVE] = "active",
	[COUNT_BOUNCE] = "bounce",
	[COUNT_HOLD] = "hold",
	[COUNT_TODO_OLDEST] = "todo_oldest",
	[COUNT_DEFERRED_OLDEST] = "deferred_oldest",
	[COUNT_ACTIVE_OLDEST] = "active_oldest",
	[COUNT_BOUNCE_OLDEST] = "bounce_oldest",
	[COUNT_HOLD_OLDEST] = "hold_oldest",
	[COUNT_LOCAL_RUNNING] = "local_running",
	[COUNT_LOCAL_LIMIT] = "local_limit",
	[COUNT_REMOTE_RUNNING] = "remote_running",
	[COUNT_REMOTE_LIMIT] = "remote_limit",
	[COUNT_RECEIVED_SMTP] = "received_smtp",
	[COUNT_RECEIVED_SENDMAIL] = "received_sendmail",
	[COUNT_RECEIVED_BOUNCE] = "received_bounce",
	[COUNT_ENDED] = "ended",
	[COUNT_LOCAL_SUCCESS] = "local_success",
	[COUNT_LOCAL_DEFERRAL] = "local_deferral",
	[COUNT_LOCAL_FAILURE] = "local_failure",
	[COUNT_LOCAL_TROUBLE] = "local_trouble",
	[COUNT_REMOTE_SUCCESS] = "remote_success",
	[COUNT_REMOTE_DEFERRAL] = "remote_deferral",
	[COUNT_REMOTE_FAILURE] = "remote_failure",
	[COUNT_REMOTE_TROUBLE] = "remote_trouble",
	[COUNT_BOUNCES_SINGLE] = "bounces_single",
	[COUNT_BOUNCES_DOUBLE] = "bounces_double",
	[COUNT_BOUNCES_DISCARDED] = "bounces_discarded",
	[COUNT_DNS_SERVFAIL] = "dns_servfail",
	[COUNT_DNS_NXDOMAIN] = "dns_nxdomain",
	[COUNT_DNS_NODATA] = "dns_nodata",
	[COUNT_LOCAL_LATENCY_MILLISECONDS] = "local_latency",
	[COUNT_REMOTE_LATENCY_MILLISECONDS] = "remote_latency",
};

enum { NAMED = sizeof count_names / sizeof count_names[0], COUNT_NAME_MAX = 40 };

/* The steps of the latencies are named by their bounds: "local_latency_500". */
static void
count_name(char name[COUNT_NAME_MAX], size_t which)
{
	size_t step = which < COUNT_REMOTE_LATENCY ? which - COUNT_LOCAL_LATENCY
						   : which - COUNT_REMOTE_LATENCY;

	if (which < NAMED)
		snprintf(name, COUNT_NAME_MAX, "%s", count_names[which]);
	else
		snprintf(name, COUNT_NAME_MAX, "%s_latency_%llu",
			which < COUNT_REMOTE_LATENCY ? "local" : "remote",
			(unsigned long long)queue_latency_bound[step]);
}

static int
letter_find(char const *letters, size_t count, char letter)
{
	for (size_t i = 0; i < count; i++)
		if (letters[i] == letter)
			return (int)i;
	return -1;
}

char
order_result_letter(enum order_result result)
{
	return order_letters[result];
}

int
order_result_parse(enum order_result *result, char letter)
{
	int i = letter_find(order_letters, sizeof order_letters, letter);

	if (i == -1)
		return -1;
	*result = (enum order_result)i;
	return 0;
}

char
queue_state_letter(enum queue_state state)
{
	return state_letters[state];
}

int
queue_state_parse(enum queue_state *state, char letter)
{
	int i = letter_find(state_letters, sizeof state_letters, letter);

	if (i == -1)
		return -1;
	*state = (enum queue_state)i;
	return 0;
}

/* --- requests: a word, then ids --- */

int
queue_request_format(stralloc *sa, struct queue_request const *request)
{
	char const *word = request->verb == VERB_ORDER ? order_name(request->order)
						       : verb_names[request->verb];
	int good = field_append(sa, span_string(word));

	for (size_t i = 0; good && i < request->ids; i++)
		good = field_append_number(sa, request->id[i]);
	return good;
}

static int
verb_parse(struct queue_request *request, struct span word)
{
	request->verb = VERB_ORDER;
	if (order_parse(&request->order, word) == 0)
		return 0;
	for (size_t i = VERB_STATE; i < VERBS; i++)
		if (span_equal(word, span_string(verb_names[i]))) {
			request->verb = (enum queue_verb)i;
			return 0;
		}
	return -1;
}

int
queue_request_parse(struct queue_request *request, char const *s, size_t len)
{
	struct span rest = span(s, len);
	struct span word;

	if (field_take(&rest, &word) == -1 || verb_parse(request, word) == -1)
		return -1;
	for (request->ids = 0; rest.len; request->ids++)
		if (request->ids == QUEUECONTROL_IDS_MAX ||
			field_take_number(&rest, UINT64_MAX, &request->id[request->ids]) == -1 ||
			request->id[request->ids] == 0)
			return -1;
	if (request->verb == VERB_ORDER || request->verb == VERB_STATE)
		return request->ids ? 0 : -1;
	return request->ids ? -1 : 0;
}

/* --- counts: names and numbers --- */

int
queue_counts_format(stralloc *sa, struct queue_counts const *counts)
{
	char name[COUNT_NAME_MAX];

	for (size_t i = 0; i < COUNTS; i++) {
		count_name(name, i);
		if (!field_append(sa, span_string(name)) ||
			!field_append_number(sa, counts->value[i]))
			return 0;
	}
	return 1;
}

/* Mostly they come in our own order: looked for from `*next` on. */
static void
count_set(struct queue_counts *counts, struct span name, uint64_t value, size_t *next)
{
	char candidate[COUNT_NAME_MAX];

	for (size_t n = 0; n < COUNTS; n++) {
		size_t i = (*next + n) % COUNTS;

		count_name(candidate, i);
		if (span_equal(name, span_string(candidate))) {
			counts->value[i] = value;
			*next = i + 1;
			return;
		}
	}
}

int
queue_counts_parse(struct queue_counts *counts, char const *s, size_t len)
{
	struct span rest = span(s, len);
	struct span name;
	uint64_t value;
	size_t next = 0;

	memset(counts, 0, sizeof *counts);
	while (rest.len) {
		if (field_take(&rest, &name) == -1 ||
			field_take_number(&rest, UINT64_MAX, &value) == -1)
			return -1;
		count_set(counts, name, value, &next);
	}
	return 0;
}

/* --- rows --- */

static struct span
cut(struct span text, size_t max)
{
	text.len = span_find(text, '\0');
	return span(text.s, text.len < max ? text.len : max);
}

static struct span
rows_of(char const *s, size_t len)
{
	return span(s, len == 1 && s[0] == '\0' ? 0 : len);
}

int
queue_destinations_format(stralloc *sa, struct queue_destinations const *destinations)
{
	int good = destinations->rows || stralloc_0(sa);

	for (size_t i = 0; good && i < destinations->rows; i++) {
		struct queue_destination const *d = &destinations->row[i];

		good = field_append_number(sa, d->remote ? 1 : 0) &&
		       field_append(sa, cut(d->name, QUEUECONTROL_NAME_MAX)) &&
		       field_append_number(sa, d->running) && field_append_number(sa, d->waiting) &&
		       field_append_number(sa, d->unreachable ? 1 : 0);
	}
	return good;
}

static int
destination_parse(struct queue_destination *d, struct span *rest)
{
	uint64_t remote, unreachable;

	if (field_take_number(rest, 1, &remote) == -1 || field_take(rest, &d->name) == -1 ||
		d->name.len > QUEUECONTROL_NAME_MAX ||
		field_take_number(rest, UINT64_MAX, &d->running) == -1 ||
		field_take_number(rest, UINT64_MAX, &d->waiting) == -1 ||
		field_take_number(rest, 1, &unreachable) == -1)
		return -1;
	d->remote = (int)remote;
	d->unreachable = (int)unreachable;
	return 0;
}

int
queue_destinations_parse(struct queue_destinations *destinations, char const *s, size_t len)
{
	struct span rest = rows_of(s, len);

	for (destinations->rows = 0; rest.len; destinations->rows++)
		if (destinations->rows == QUEUECONTROL_ROWS_MAX ||
			destination_parse(&destinations->row[destinations->rows], &rest) == -1)
			return -1;
	return 0;
}

int
queue_replies_format(stralloc *sa, struct queue_replies const *replies)
{
	int good = replies->rows || stralloc_0(sa);

	for (size_t i = 0; good && i < replies->rows; i++) {
		struct queue_reply const *r = &replies->row[i];
		char letter = verdict_letter(r->verdict);

		good = field_append_number(sa, r->when) && field_append_number(sa, r->message) &&
		       field_append(sa, span(&letter, 1)) &&
		       field_append(sa, cut(r->destination, QUEUECONTROL_NAME_MAX)) &&
		       field_append(sa, cut(r->text, QUEUECONTROL_TEXT_MAX));
	}
	return good;
}

static int
reply_parse(struct queue_reply *r, struct span *rest)
{
	struct span letter;

	if (field_take_number(rest, UINT64_MAX, &r->when) == -1 ||
		field_take_number(rest, UINT64_MAX, &r->message) == -1 ||
		field_take(rest, &letter) == -1 || letter.len != 1 ||
		verdict_parse(&r->verdict, letter.s[0]) == -1 ||
		field_take(rest, &r->destination) == -1 || field_take(rest, &r->text) == -1)
		return -1;
	return r->destination.len > QUEUECONTROL_NAME_MAX || r->text.len > QUEUECONTROL_TEXT_MAX
		       ? -1
		       : 0;
}

int
queue_replies_parse(struct queue_replies *replies, char const *s, size_t len)
{
	struct span rest = rows_of(s, len);

	for (replies->rows = 0; rest.len; replies->rows++)
		if (replies->rows == QUEUECONTROL_ROWS_MAX ||
			reply_parse(&replies->row[replies->rows], &rest) == -1)
			return -1;
	return 0;
}
