#include "smtpd/data.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "smtpd/log.h"
#include "wire/datareader.h"
#include "wire/hopcount.h"
#include "wire/queueexit.h"

enum {
	DATA_TIME_MAX = 4 * 3600 * 1000,    /* milliseconds for one message */
	DATA_REFUSED_MAX = 64 * 1024 * 1024 /* bytes of a refused message that we still read */
};

/* How the text ended. */
enum arrival {
	ARRIVED,
	ARRIVED_TOO_LARGE,
	ARRIVED_LOOPING,
	ARRIVED_BROKEN, /* holds what no text may hold: what follows can not be trusted */
	ARRIVED_NEVER   /* the session has ended */
};

/* The records that say how the message came. Returns 1, or 0 without memory. */
static int
origin_make(stralloc *origin, struct session const *s)
{
	origin->len = 0;
	return envelope_append(origin, 'v', SPAN_LITERAL("network")) &&
	       envelope_append(origin, 'h', span_string(s->helo)) &&
	       (!s->client.known || envelope_append(origin, 'a', span_string(s->client.ip))) &&
	       envelope_append(
		       origin, 'w', s->extended ? SPAN_LITERAL("ESMTP") : SPAN_LITERAL("SMTP"));
}

/* Returns 0, or -1 without memory. */
static int
envelope_give(struct session *s, stralloc *envelope)
{
	struct transaction const *t = &s->transaction;

	envelope->len = 0;
	if ((t->body == BODY_8BIT && !envelope_append(envelope, 'b', SPAN_LITERAL("8"))) ||
		!envelope_append(envelope, 'F', span(t->sender.address, t->sender.len)))
		return -1;
	submit_envelope(s->submit, span(envelope->s, envelope->len));
	submit_envelope(s->submit, span(t->records.s, t->records.len));
	return 0;
}

static void
failure_reply(struct session *s, struct submit_result const *result)
{
	char reply[SESSION_REPLY_MAX];
	char const *status = "451 4.3.0";

	if (queue_exit_is_permanent(result->code))
		status = "554 5.3.0";
	else if (result->code == QUEUE_WRITE)
		status = "452 4.3.1";
	snprintf(reply, sizeof reply, "%s %s", status, result->text);
	session_reply(s, reply);
}

static void
success_reply(struct session *s, struct submit_result const *result, uint64_t size)
{
	struct transaction const *t = &s->transaction;
	char reply[SESSION_REPLY_MAX];

	log_begin(s, "accept");
	log_number("id", result->id);
	log_number("size", size);
	log_address("from", span(t->sender.address, t->sender.len));
	log_number("rcpts", t->recipients);
	log_end();
	snprintf(reply, sizeof reply, "250 2.0.0 ok %lld qp %lu id %llu", (long long)time(NULL),
		result->pid, result->id);
	s->errors = 0;
	s->accepted++;
	session_reply(s, reply);
}

/* Reads the text to its end and gives it to the queue, as long as there is no reason against. */
static enum arrival
text_receive(struct session *s, struct data_reader *reader)
{
	static char text[STREAM_INPUT_MAX];
	int64_t deadline = clock_monotonic() + DATA_TIME_MAX;
	struct hopcount hops = HOPCOUNT_ZERO;
	enum arrival arrival = ARRIVED;
	uint64_t refused = 0;

	data_reader_init(reader);
	while (reader->state < DATA_END) {
		struct span in = stream_pending(&s->stream);
		size_t len;

		if (in.len == 0) {
			if (session_fill(s, deadline) == -1)
				return ARRIVED_NEVER;
			continue;
		}
		stream_take(&s->stream, data_reader_take(reader, in, text, &len));
		if (arrival != ARRIVED) {
			refused += len;
			if (refused > DATA_REFUSED_MAX)
				return arrival;
			continue;
		}
		hopcount_take(&hops, span(text, len));
		if (s->client.databytes && reader->size > s->client.databytes)
			arrival = ARRIVED_TOO_LARGE;
		else if (hops.hops > HOPCOUNT_LIMIT)
			arrival = ARRIVED_LOOPING;
		else
			submit_message(s->submit, span(text, len));
	}
	return reader->state == DATA_END ? arrival : ARRIVED_BROKEN;
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

static void
arrival_answer(struct session *s, enum arrival arrival, struct data_reader const *reader)
{
	struct submit_result result;
	stralloc envelope = STRALLOC_ZERO;

	if (arrival == ARRIVED && envelope_give(s, &envelope) == 0) {
		if (submit_finish(s->submit, &result) == 0)
			success_reply(s, &result, reader->size);
		else
			failure_reply(s, &result);
		stralloc_free(&envelope);
		return;
	}
	stralloc_free(&envelope);
	submit_abort(s->submit);
	switch (arrival) {
	case ARRIVED: session_reply(s, "452 4.3.1 out of memory"); break;
	case ARRIVED_TOO_LARGE: session_reply(s, "552 5.3.4 this message is over our limit"); break;
	case ARRIVED_LOOPING:
		session_reply(s, "554 5.4.6 this message has passed too many servers: a loop");
		break;
	case ARRIVED_BROKEN: session_end(s, broken_reply(reader->state)); break;
	case ARRIVED_NEVER: break;
	}
	if (reader->state < DATA_END && s->state != SESSION_ENDED)
		session_end(s, "421 4.7.0 and it does not end");
}

void
data_answer(struct session *s)
{
	struct submit_result result;
	struct data_reader reader;
	stralloc origin = STRALLOC_ZERO;

	if (!origin_make(&origin, s)) {
		session_reply(s, "452 4.3.1 out of memory");
	} else if (submit_begin(s->submit, span(origin.s, origin.len), &result) == -1) {
		failure_reply(s, &result);
	} else {
		session_reply(s, "354 go ahead, and end with a dot on a line of its own");
		arrival_answer(s, text_receive(s, &reader), &reader);
	}
	stralloc_free(&origin);
	session_reset(s);
}
