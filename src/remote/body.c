#include "remote/body.h"

#include "remote/trace.h"
#include "wire/datawriter.h"

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
		if (session_flush(session) == -1) {
			if (session->failure == FAILURE_CLOSED)
				interruption_hear(session);
			return is_last ? BODY_BROKEN_AT_END : BODY_BROKEN;
		}
	} while (offset < source->length);
	trace_lines(session->address, ">", SPAN_LITERAL("(the message)"));
	session->unanswered++;
	return BODY_SENT;
}
