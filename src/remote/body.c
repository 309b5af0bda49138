#include "remote/body.h"

#include "lib/text.h"
#include "remote/facts.h"
#include "remote/trace.h"
#include "wire/datawriter.h"

/* Their replies must fit into what the kernel keeps for us. */
enum { CHUNKS_UNANSWERED_MAX = 16 };

/* What the server says while it should listen is never an acceptance, but worth quoting. */
static void
interruption_hear(struct session *session)
{
	if (session_hear(session, PHASE_END) != SENSE_LOST)
		session->failure = FAILURE_NONSENSE;
}

enum body_result
body_send(struct session *session, struct source *source)
{
	struct datawriter writer = DATAWRITER_ZERO;
	stralloc *output = &session->stream.output;
	uint64_t offset = 0;

	do {
		struct span block;
		size_t sent;
		int is_first = offset == 0, is_last;

		if (source_block(source, offset, &block) == -1)
			return BODY_UNREADABLE;
		offset += block.len;
		is_last = offset == source->length;
		session->failure = FAILURE_MEMORY;
		if (!datawriter_put(&writer, output, block) ||
			(is_last && !datawriter_end(&writer, output)))
			return BODY_BROKEN;
		if (is_last && !is_first && !session_is_quiet(session)) {
			interruption_hear(session);
			return BODY_BROKEN;
		}
		sent = output->len;
		if (session_flush(session) == -1) {
			if (session->failure == FAILURE_CLOSED)
				interruption_hear(session);
			return is_last ? BODY_BROKEN_AT_END : BODY_BROKEN;
		}
		facts_sent(sent);
	} while (offset < source->length);
	trace_lines(session->address, ">", SPAN_LITERAL("(the message)"));
	session->unanswered++;
	return BODY_SENT;
}

/* Puts a chunk with its command before it. Returns 1, or 0 without memory. */
static int
chunk_put(struct session *session, struct span chunk, int is_last)
{
	stralloc *output = &session->stream.output;

	if (!text_append(output, "BDAT ", (char *)0) || !text_append_number(output, chunk.len) ||
		!text_append(output, is_last ? " LAST\r\n" : "\r\n", (char *)0))
		return 0;
	trace_lines(session->address, ">", span(output->s, output->len));
	session->unanswered++;
	return stralloc_catb(output, chunk.s, chunk.len);
}

/* Hears about chunks until no more than so many are unanswered. */
static enum body_result
chunks_hear(struct session *session, unsigned unanswered_max)
{
	while (session->unanswered > unanswered_max) {
		enum sense sense = session_hear(session, PHASE_BDAT);

		if (sense == SENSE_LOST)
			return BODY_BROKEN;
		if (sense != SENSE_YES)
			return BODY_REFUSED;
	}
	return BODY_SENT;
}

/* The connection broke; an earlier chunk may have been refused, and that says more. */
static enum body_result
chunks_broken(struct session *session, int is_last)
{
	enum failure failure = session->failure;

	if (failure == FAILURE_CLOSED && chunks_hear(session, 1) == BODY_REFUSED)
		return BODY_REFUSED;
	session->failure = failure;
	return is_last ? BODY_BROKEN_AT_END : BODY_BROKEN;
}

enum body_result
body_send_chunks(struct session *session, struct source *source)
{
	static stralloc chunk;
	struct datawriter writer = {DATAWRITER_LINE_START, DATAWRITER_CHUNK};
	uint64_t offset = 0;
	enum body_result result;
	int is_last;

	do {
		struct span block;

		if (source_block(source, offset, &block) == -1)
			return BODY_UNREADABLE;
		offset += block.len;
		is_last = offset == source->length;
		chunk.len = 0;
		session->failure = FAILURE_MEMORY;
		if (!datawriter_put(&writer, &chunk, block) ||
			(is_last && !datawriter_end(&writer, &chunk)) ||
			!chunk_put(session, span(chunk.s, chunk.len), is_last))
			return BODY_BROKEN;
		if (session_flush(session) == -1)
			return chunks_broken(session, is_last);
		facts_sent(chunk.len);
		result = chunks_hear(session, is_last ? 1 : CHUNKS_UNANSWERED_MAX);
		if (result != BODY_SENT)
			return result == BODY_BROKEN && is_last ? BODY_BROKEN_AT_END : result;
	} while (!is_last);
	return BODY_SENT;
}
