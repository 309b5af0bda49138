#include "smtpd/text.h"

#include <stdio.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/counters.h"
#include "smtpd/hook.h"
#include "smtpd/log.h"
#include "smtpd/session.h"
#include "wire/queueexit.h"
#include "wire/smtpdcounts.h"

/* The protocol as the Received line names it (RFC 3848, RFC 6531 3.7.3). */
static struct span
protocol_name(struct session const *s)
{
	if (s->transaction.smtputf8)
		return SPAN_LITERAL("UTF8SMTP");
	return s->extended ? SPAN_LITERAL("ESMTP") : SPAN_LITERAL("SMTP");
}

/* The name that belongs to the client's address: now is the time to wait for it. */
static struct span
client_name(struct session *s)
{
	struct span name = s->client.name;

	if (name.len == 0 && s->client.known)
		name = reversename_get(s->reverse);
	if (hook_is_set())
		hook_name(name);
	return name;
}

/* The records that say how the message came. Returns 1, or 0 without memory. */
static int
origin_make(stralloc *origin, struct session *s)
{
	struct span name = client_name(s);

	return envelope_append(origin, 'v', SPAN_LITERAL("network")) &&
	       envelope_append(origin, 'h', span_string(s->helo)) &&
	       (!s->client.known || envelope_append(origin, 'a', span_string(s->client.ip))) &&
	       (name.len == 0 || envelope_append(origin, 'n', name)) &&
	       envelope_append(origin, 'w', protocol_name(s));
}

/*
 * Whether the message can only be passed on to servers with SMTPUTF8. A client
 * that says so of every message must not make those of ASCII undeliverable
 * (RFC 6531, 3.2 asks it not to).
 */
static int
needs_smtputf8(struct transaction const *t)
{
	return t->smtputf8 && (t->text.hops.eight_bit || t->sender.utf8 || t->has_utf8_recipient);
}

/* Returns 0, or -1 without memory. */
static int
envelope_give(struct session *s)
{
	struct transaction const *t = &s->transaction;
	stralloc head = STRALLOC_ZERO;
	int good = (t->body != BODY_8BIT || envelope_append(&head, 'b', SPAN_LITERAL("8"))) &&
		   (!needs_smtputf8(t) || envelope_append(&head, 'U', span("", 0))) &&
		   stralloc_catb(&head, t->wishes.s, t->wishes.len) &&
		   envelope_append(&head, 'F', span(t->sender.address, t->sender.len));

	if (good) {
		submit_envelope(s->submit, span(head.s, head.len));
		submit_envelope(s->submit, span(t->records.s, t->records.len));
	}
	stralloc_free(&head);
	return good ? 0 : -1;
}

/* Whether a program's words begin with a status code of its own (RFC 2034) of this class. */
static int
has_status(char const *text, char class)
{
	struct span rest = span_string(text);
	struct span code = span_cut(&rest, ' ');
	unsigned dots = 0;

	if (code.len < 5 || code.len > 9 || code.s[0] != class || rest.len == 0)
		return 0;
	for (size_t i = 0; i < code.len; i++) {
		if (code.s[i] == '.' && i > 0 && code.s[i - 1] != '.')
			dots++;
		else if (code.s[i] < '0' || code.s[i] > '9')
			return 0;
	}
	return dots == 2 && code.s[1] == '.' && code.s[code.len - 1] != '.';
}

static void
failure_reply(struct session *s, struct submit_result const *result)
{
	char reply[SESSION_REPLY_MAX];
	char const *code = "451", *status = " 4.3.0";

	if (queue_exit_is_permanent(result->code)) {
		code = "554";
		status = " 5.3.0";
	} else if (result->code == QUEUE_WRITE) {
		code = "452";
		status = " 4.3.1";
	}
	if (has_status(result->text, code[0]))
		status = "";
	snprintf(reply, sizeof reply, "%s%s %s", code, status, result->text);
	session_reply(s, reply);
}

static void
success_reply(struct session *s, struct submit_result const *result)
{
	struct transaction const *t = &s->transaction;
	char reply[SESSION_REPLY_MAX];

	counters_add(SMTPDCOUNT_ACCEPTED);
	log_begin(s, "accept");
	log_number("id", result->id);
	log_number("size", t->text.reader.size);
	log_address("from", span(t->sender.address, t->sender.len));
	log_number("rcpts", t->recipients);
	log_number("ms", (unsigned long long)(clock_monotonic() - t->begun));
	log_end();
	snprintf(reply, sizeof reply, "250 2.0.0 ok %lld qp %lu id %llu", (long long)time(NULL),
		result->pid, result->id);
	s->errors = 0;
	s->accepted++;
	s->accept_until = clock_monotonic() + (int64_t)s->settings->limits.timeout_session * 1000;
	session_reply(s, reply);
}

int
text_begin(struct session *s, enum data_framing framing)
{
	static stralloc origin;
	struct hopcount const no_hops = HOPCOUNT_ZERO;
	struct text *text = &s->transaction.text;
	struct submit_result result;

	origin.len = 0;
	if (!origin_make(&origin, s)) {
		session_reply(s, "452 4.3.1 out of memory");
		return -1;
	}
	if (submit_begin(s->submit, span(origin.s, origin.len), &result) == -1) {
		failure_reply(s, &result);
		return -1;
	}
	data_reader_init(&text->reader, framing, s->client.line_feed);
	text->hops = no_hops;
	text->open = 1;
	text->arrival = ARRIVED;
	text->refused = 0;
	text->begun = clock_monotonic();
	text->received = 0;
	return 0;
}

/*
 * When more of the text must have come: each byte buys some time, so that a
 * slow sender gets done, and a sender that is too slow does not hold us for ever.
 */
static int64_t
text_deadline(struct session const *s)
{
	struct text const *text = &s->transaction.text;
	struct limits const *limits = &s->settings->limits;
	int64_t time = (int64_t)limits->timeout_data * 1000;

	if (limits->data_rate == 0 || text->received / limits->data_rate >= TEXT_TIME_MAX / 1000)
		return text->begun + TEXT_TIME_MAX;
	time += (int64_t)(text->received * 1000 / limits->data_rate);
	return text->begun + (time < TEXT_TIME_MAX ? time : TEXT_TIME_MAX);
}

/* Passes on what was read, as long as there is no reason against. */
static void
piece_take(struct session *s, struct span piece)
{
	struct text *text = &s->transaction.text;

	if (text->arrival != ARRIVED) {
		text->refused += piece.len;
		return;
	}
	hopcount_take(&text->hops, piece);
	if (s->client.databytes && text->reader.size > s->client.databytes)
		text->arrival = ARRIVED_TOO_LARGE;
	else if (text->hops.hops > HOPCOUNT_LIMIT)
		text->arrival = ARRIVED_LOOPING;
	else
		submit_message(s->submit, piece);
}

size_t
text_take(struct session *s, uint64_t max)
{
	static char piece[STREAM_INPUT_MAX];
	struct text *text = &s->transaction.text;
	struct span in;
	size_t taken, len;

	while ((in = stream_pending(&s->stream)).len == 0)
		if (session_fill(s, text_deadline(s)) == -1) {
			text->arrival = ARRIVED_NEVER;
			return 0;
		}
	if (in.len > max)
		in.len = (size_t)max;
	taken = data_reader_take(&text->reader, in, piece, &len);
	stream_take(&s->stream, taken);
	text->received += taken;
	piece_take(s, span(piece, len));
	if (text->reader.state > DATA_END)
		text->arrival = ARRIVED_BROKEN;
	return taken;
}

static char const *
broken_reply(enum data_state state)
{
	switch (state) {
	case DATA_BARE_CR: return "550 5.6.11 this message has a CR that is not part of a CR LF";
	case DATA_BARE_LF: return "550 5.6.11 this message has an LF that is not part of a CR LF";
	default: return "550 5.6.11 this message has a NUL byte";
	}
}

/* Nothing speaks against it: the queue decides. */
static void
hand_over(struct session *s)
{
	struct submit_result result;

	if (envelope_give(s) == -1) {
		submit_abort(s->submit);
		session_reply(s, "452 4.3.1 out of memory");
	} else if (submit_finish(s->submit, &result) == 0) {
		success_reply(s, &result);
	} else {
		failure_reply(s, &result);
	}
}

void
text_conclude(struct session *s)
{
	struct text *text = &s->transaction.text;

	if (text->arrival == ARRIVED) {
		text->open = 0;
		hand_over(s);
		return;
	}
	text_abandon(s);
	switch (text->arrival) {
	case ARRIVED_TOO_LARGE: session_reply(s, "552 5.3.4 this message is over our limit"); break;
	case ARRIVED_LOOPING:
		session_reply(s, "554 5.4.6 this message has passed too many servers: a loop");
		break;
	case ARRIVED_BROKEN: session_end(s, broken_reply(text->reader.state)); break;
	case ARRIVED:
	case ARRIVED_NEVER: break;
	}
}

void
text_abandon(struct session *s)
{
	if (s->transaction.text.open)
		submit_abort(s->submit);
	s->transaction.text.open = 0;
}
