#include "smtpd/data.h"

#include <stdio.h>

#include "lib/clock.h"
#include "wire/chunk.h"

void
data_answer(struct session *s)
{
	struct text *text = &s->transaction.text;

	if (text_begin(s, DATA_DOTS) == 0) {
		session_reply(s, "354 go ahead, and end with a dot on a line of its own");
		while (text->reader.state < DATA_END && text->refused <= TEXT_REFUSED_MAX)
			if (text_take(s, STREAM_INPUT_MAX) == 0)
				break;
		text_conclude(s);
		if (text->reader.state < DATA_END && s->state != SESSION_ENDED)
			session_end(s, "421 4.7.0 and it does not end");
	}
	session_reset(s);
}

/*
 * Reads the bytes of a chunk that are not wanted, for they are no commands; of
 * too many it ends the session.
 */
static void
chunk_skip(struct session *s, uint64_t left)
{
	int64_t deadline = clock_monotonic() + TEXT_TIME_MAX;

	if (left > TEXT_REFUSED_MAX) {
		session_end(s, "421 4.7.0 too much to read it in vain");
		return;
	}
	while (left && s->state != SESSION_ENDED) {
		size_t n = stream_pending(&s->stream).len;

		if (n == 0 && session_fill(s, deadline) == -1)
			return;
		if (n > left)
			n = (size_t)left;
		stream_take(&s->stream, n);
		left -= n;
	}
}

/* The text has all its chunks: one whose last line has no end gets one. */
static void
text_complete(struct session *s)
{
	struct text *text = &s->transaction.text;
	int missing;

	if (data_reader_finish(&text->reader, &missing) == -1) {
		text->arrival = ARRIVED_BROKEN;
	} else if (missing) {
		text->reader.size += (uint64_t)missing;
		submit_message(s->submit, SPAN_LITERAL("\n"));
	}
}

static void
chunk_take(struct session *s, struct chunk const *chunk)
{
	struct text *text = &s->transaction.text;
	uint64_t left = chunk->size;
	char reply[SESSION_REPLY_MAX];

	while (left && text->arrival == ARRIVED)
		left -= text_take(s, left);
	if (text->arrival == ARRIVED && !chunk->last) {
		snprintf(reply, sizeof reply, "250 2.0.0 %llu bytes",
			(unsigned long long)chunk->size);
		session_reply(s, reply);
		return;
	}
	if (text->arrival == ARRIVED)
		text_complete(s);
	else if (text->arrival != ARRIVED_BROKEN)
		chunk_skip(s, left);
	if (s->state != SESSION_ENDED)
		text_conclude(s);
	session_reset(s);
}

void
chunk_answer(struct session *s, struct span argument)
{
	struct text *text = &s->transaction.text;
	struct chunk chunk;

	if (chunk_parse(&chunk, argument) == -1) {
		session_end(s, "501 5.5.4 the form is BDAT size [LAST]");
		return;
	}
	if (s->state != SESSION_RECIPIENTS && s->state != SESSION_CHUNKS) {
		chunk_skip(s, chunk.size);
		if (s->state != SESSION_ENDED)
			session_reply(s, "503 5.5.1 BDAT comes after an accepted RCPT");
		return;
	}
	if (s->state == SESSION_RECIPIENTS && text_begin(s, DATA_CHUNKS) == -1) {
		chunk_skip(s, chunk.size);
		session_reset(s);
		return;
	}
	s->state = SESSION_CHUNKS;
	if (s->client.databytes && chunk.size > s->client.databytes - text->reader.size)
		text->arrival = ARRIVED_TOO_LARGE;
	chunk_take(s, &chunk);
}
