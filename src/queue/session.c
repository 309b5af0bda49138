#include "queue/session.h"

#include <errno.h>
#include <stdio.h>

#include "lib/clock.h"
#include "lib/platform.h"
#include "lib/stream.h"
#include "lib/text.h"
#include "policy/room.h"
#include "queue/intake.h"
#include "queue/origin.h"
#include "wire/submission.h"

/* Where a submission is: frames may only go forward. */
enum stage { STAGE_START, STAGE_ORIGIN, STAGE_MESSAGE, STAGE_ENVELOPE };

/* What became of a step. */
enum outcome {
	OUTCOME_MORE, /* go on */
	OUTCOME_LEAVE /* the connection is of no more use */
};

static struct session {
	struct stream stream;
	struct submitter submitter;
	struct span me;
	enum stage stage;
	enum submission_frame frame;
	size_t left;          /* bytes of the frame that have not come */
	int64_t deadline;     /* of this submission */
	stralloc claims;      /* the O frame */
	struct origin origin; /* looks into it */
	struct intake intake;
	stralloc answer;
} session;

static void
submission_reset(void)
{
	intake_abort(&session.intake);
	session.stage = STAGE_START;
	session.left = 0;
	session.claims.len = 0;
}

static enum outcome
answer_send(int code, char const *text)
{
	struct submission_answer answer = {code, span_string(text)};

	session.answer.len = 0;
	if (!submission_answer_format(&session.answer, &answer) ||
		!stream_put(&session.stream, span(session.answer.s, session.answer.len)) ||
		stream_flush(&session.stream) == -1)
		return OUTCOME_LEAVE;
	return OUTCOME_MORE;
}

static enum outcome
message_answer(int code)
{
	char text[64];

	if (code != QUEUE_OK)
		return answer_send(code,
			session.intake.reason ? session.intake.reason : queue_exit_text(code));
	snprintf(text, sizeof text, "%llu %ld", (unsigned long long)session.intake.entry.id,
		(long)session.intake.pid);
	return answer_send(QUEUE_OK, text);
}

static enum outcome
room_answer(void)
{
	char const *reason;
	uint64_t left = room_left(&reason);
	char text[24];

	if (left == 0)
		return answer_send(QUEUE_WRITE, reason);
	snprintf(text, sizeof text, "%llu", (unsigned long long)left);
	return answer_send(QUEUE_OK, text);
}

static void
log_trouble(int code)
{
	fprintf(stderr, "tern-queue: warning: a message of uid %lu is not queued: %s%s%s\n",
		(unsigned long)session.submitter.uid, queue_exit_text(code),
		session.intake.reason ? ": " : "",
		session.intake.reason ? session.intake.reason : "");
}

/* The envelope is complete, or so wrong that its end can not be found. */
static enum outcome
submission_end(void)
{
	int is_complete = session.intake.check.state == ENVELOPE_COMPLETE;
	enum outcome outcome;
	int code;

	if (is_complete && session.left > 0)
		return OUTCOME_LEAVE;
	code = intake_commit(&session.intake);
	if (code != QUEUE_OK && !queue_exit_is_permanent(code))
		log_trouble(code);
	outcome = message_answer(code);
	submission_reset();
	return is_complete ? outcome : OUTCOME_LEAVE;
}

static void
intake_start(void)
{
	if (session.stage >= STAGE_MESSAGE)
		return;
	origin_decide(
		&session.origin, &session.submitter, span(session.claims.s, session.claims.len));
	intake_begin(&session.intake, &session.origin, session.me);
}

/* A frame begins. Returns OUTCOME_LEAVE when it has no place here. */
static enum outcome
frame_begin(void)
{
	switch (session.frame) {
	case FRAME_ORIGIN:
		if (session.stage != STAGE_START || session.left > SESSION_ORIGIN_MAX)
			return OUTCOME_LEAVE;
		session.stage = STAGE_ORIGIN;
		break;
	case FRAME_MESSAGE:
		if (session.stage > STAGE_MESSAGE)
			return OUTCOME_LEAVE;
		intake_start();
		session.stage = STAGE_MESSAGE;
		break;
	case FRAME_ENVELOPE:
		intake_start();
		session.stage = STAGE_ENVELOPE;
		break;
	case FRAME_ROOM:
		if (session.stage != STAGE_START || session.left > 0)
			return OUTCOME_LEAVE;
		return room_answer();
	}
	return OUTCOME_MORE;
}

/* Bytes of the present frame. */
static enum outcome
frame_take(struct span bytes)
{
	session.left -= bytes.len;
	switch (session.frame) {
	case FRAME_ORIGIN:
		return stralloc_catb(&session.claims, bytes.s, bytes.len) ? OUTCOME_MORE
									  : OUTCOME_LEAVE;
	case FRAME_MESSAGE: intake_message(&session.intake, bytes); break;
	case FRAME_ENVELOPE:
		session.left +=
			bytes.len - intake_envelope(&session.intake, &session.origin, bytes);
		if (session.intake.check.state >= ENVELOPE_COMPLETE)
			return submission_end();
		break;
	case FRAME_ROOM: return OUTCOME_LEAVE; /* has no bytes */
	}
	return OUTCOME_MORE;
}

/* Takes all that has arrived and can be understood. */
static enum outcome
input_take(void)
{
	enum outcome outcome = OUTCOME_MORE;
	struct span bytes;

	while (outcome == OUTCOME_MORE && (bytes = stream_pending(&session.stream)).len) {
		if (session.left > 0) {
			if (bytes.len > session.left)
				bytes.len = session.left;
			outcome = frame_take(bytes);
			stream_take(&session.stream, bytes.len);
		} else if (bytes.len < SUBMISSION_HEADER) {
			break;
		} else {
			if (submission_header_parse(&session.frame, &session.left, bytes.s) == -1)
				return OUTCOME_LEAVE;
			if (session.stage == STAGE_START)
				session.deadline =
					clock_monotonic() + INTAKE_SECONDS_MAX * (int64_t)1000;
			stream_take(&session.stream, SUBMISSION_HEADER);
			outcome = frame_begin();
		}
	}
	return outcome;
}

static int
is_overdue(void)
{
	return session.stage != STAGE_START && clock_monotonic() > session.deadline;
}

void
session_serve(int connection, struct span me)
{
	uid_t uid;
	gid_t gid;
	pid_t pid;

	if (platform_peer(connection, &uid, &gid, &pid) == -1)
		return;
	submitter_identify(&session.submitter, uid);
	stream_init(&session.stream, connection, connection, SESSION_TIMEOUT);
	session.stream.polls = 1;
	session.me = me;
	submission_reset();
	while (stream_fill(&session.stream) > 0)
		if (input_take() == OUTCOME_LEAVE || is_overdue())
			break;
	submission_reset();
	stream_free(&session.stream);
}
