#include "remote/transaction.h"

#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "remote/body.h"
#include "remote/facts.h"
#include "remote/offer.h"
#include "remote/words.h"
#include "wire/smtppath.h"

struct transaction {
	struct session *session;
	struct job const *job;
	struct source *source;
	struct outcome *outcome;
	uint64_t size;                        /* on the wire; 0: the server does not ask */
	size_t recipients;                    /* of this transaction: */
	size_t recipient[JOB_RECIPIENTS_MAX]; /* their places in the job */
	size_t accepted;                      /* of them */
	size_t left;                          /* to be offered in the next transaction */
	int pipelined, is_sent;               /* all commands go at once; they have gone */
	int is_lmtp, is_chunked;              /* a reply for each recipient; BDAT */
};

/* The codes by which a server says that it does not know a command. */
enum { COMMAND_CODE_FIRST = 500, COMMAND_CODE_LAST = 504 };

size_t
transaction_prepare(struct job const *job, struct outcome *outcome)
{
	size_t possible = 0;

	outcome->asked = 1;
	words_say(&outcome->message, VERDICT_FAILED, "SMTP can not carry this sender.", "5.1.7");
	if (!smtppath_is_possible(job->sender))
		return 0;
	words_say(&outcome->message, VERDICT_FAILED, "There is no recipient.", "5.1.3");
	for (size_t i = 0; i < job->recipients; i++) {
		if (smtppath_is_possible(job->recipient[i]))
			possible++;
		else
			words_say(&outcome->recipient[i], VERDICT_FAILED,
				"SMTP can not carry this address.", "5.1.3");
	}
	for (size_t i = 0; possible && i < job->recipients; i++)
		if (!smtppath_is_possible(job->recipient[i]))
			outcome_settle(outcome, i);
	return possible;
}

/* Puts the command of a phase; i is the recipient. Returns 1, or 0 without memory. */
static int
command_put(struct transaction *t, enum phase phase, size_t i)
{
	static stralloc command;

	command.len = 0;
	switch (phase) {
	case PHASE_MAIL:
		if (!offer_mail(&command, t->session, t->job, t->size))
			return 0;
		break;
	case PHASE_RCPT:
		if (!offer_rcpt(&command, t->session, t->job, i))
			return 0;
		break;
	default:
		if (!text_append(&command, phase_name(phase), "\r\n", (char *)0))
			return 0;
	}
	return session_put(t->session, span(command.s, command.len));
}

/*
 * All commands up to DATA at once (RFC 2920); without it where BDAT comes in
 * its place, since text that may have arrived could be taken without our
 * hearing of it. Returns 0, or -1 with the session's failure.
 */
static int
commands_send(struct transaction *t)
{
	int good = 1;

	if (t->session->needs_reset)
		good = command_put(t, PHASE_RSET, 0);
	good = good && command_put(t, PHASE_MAIL, 0);
	for (size_t i = 0; good && i < t->recipients; i++)
		good = command_put(t, PHASE_RCPT, t->recipient[i]);
	if (!t->is_chunked)
		good = good && command_put(t, PHASE_DATA, 0);
	t->is_sent = 1;
	t->session->failure = FAILURE_MEMORY;
	return good ? session_send(t->session) : -1;
}

/* The server's answer to one command, which is sent now unless it is on its way. */
static enum sense
ask(struct transaction *t, enum phase phase, size_t i)
{
	if (!t->is_sent) {
		t->session->failure = FAILURE_MEMORY;
		if (!command_put(t, phase, i) || session_send(t->session) == -1)
			return SENSE_LOST;
	}
	return session_hear(t->session, phase);
}

/*
 * What the server refused for good before it left is final, unlike what it did
 * not get to; but not when it may have answered something else.
 */
static void
refusals_settle(struct transaction *t, enum sense sense)
{
	if (sense == SENSE_LOST && t->session->failure == FAILURE_NONSENSE)
		return;
	t->outcome->asked = 1;
	for (size_t i = 0; i < t->job->recipients; i++)
		if (t->outcome->recipient[i].verdict == VERDICT_FAILED)
			outcome_settle(t->outcome, i);
}

/* The session can not be used any more; another host may. */
static enum transaction_end
give_up(struct transaction *t, enum sense sense, enum phase phase)
{
	if (sense == SENSE_LOST)
		words_lost(&t->outcome->message, t->session, phase, 0);
	else
		words_quote_connected(&t->outcome->message, VERDICT_DEFERRED, t->session,
			sense == SENSE_CLOSING ? "it is leaving." : "sender was refused for now.");
	refusals_settle(t, sense);
	t->outcome->asked = 0;
	session_drop(t->session);
	return TRANSACTION_NEXT;
}

/*
 * 452 after some have been accepted: there are too many for one transaction
 * (RFC 5321, 4.5.3.1.10), or this one's mailbox is full, which the next
 * transaction will tell.
 */
static int
is_one_too_many(struct transaction const *t, enum sense sense)
{
	return sense == SENSE_LATER && t->accepted && t->session->reply.code == 452;
}

/* Hears about each recipient. Returns SENSE_YES, or what ended it. */
static enum sense
recipients_ask(struct transaction *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->recipients; i++) {
		struct answer *answer = &t->outcome->recipient[t->recipient[i]];
		enum sense sense = ask(t, PHASE_RCPT, t->recipient[i]);

		if (sense == SENSE_LOST || sense == SENSE_CLOSING)
			return sense;
		if (sense == SENSE_YES) {
			t->accepted++;
			answer_set(answer, VERDICT_DELIVERED, span("", 0));
		} else {
			words_quote(answer,
				sense == SENSE_NEVER ? VERDICT_FAILED : VERDICT_DEFERRED,
				t->session, "does not like recipient.");
		}
		if (is_one_too_many(t, sense))
			t->left++;
		else
			t->recipient[kept++] = t->recipient[i];
	}
	t->recipients = kept;
	return SENSE_YES;
}

/*
 * No recipient was accepted, and their answers stand. A DATA that was sent all
 * the same may have been taken; then an empty message is due (RFC 2920, 3.1),
 * whose fate does not matter.
 */
static enum transaction_end
nobody_accepted(struct transaction *t)
{
	struct session *session = t->session;
	enum sense sense = SENSE_NEVER;
	char text[SESSION_ADDRESS_MAX + 40];

	t->outcome->asked = 1;
	snprintf(text, sizeof text, "Giving up on %s.", session->address);
	words_say(&t->outcome->message, VERDICT_FAILED, text, NULL);
	session->needs_reset = 1;
	if (t->is_sent && !t->is_chunked)
		sense = session_hear(session, PHASE_DATA);
	if (sense == SENSE_LOST && session->failure == FAILURE_NONSENSE)
		return give_up(t, sense, PHASE_DATA);
	if (sense == SENSE_YES) {
		session->needs_reset = 0;
		sense = SENSE_LOST;
		/* By LMTP nothing would answer it: there is no recipient. */
		if (!t->is_lmtp && session_put(session, SPAN_LITERAL(".\r\n")) &&
			session_send(session) == 0)
			sense = session_hear(session, PHASE_END);
	}
	if (sense == SENSE_LOST || sense == SENSE_CLOSING)
		session_drop(session);
	return TRANSACTION_DONE;
}

/* The answer to the text: for all who were accepted, or by LMTP for one of them. */
static enum sense
verdict_hear(struct transaction *t, struct answer *answer)
{
	enum sense sense = session_hear(t->session, PHASE_END);

	switch (sense) {
	case SENSE_YES:
		words_quote(answer, VERDICT_DELIVERED, t->session, "accepted message.");
		break;
	case SENSE_NEVER:
		words_quote(answer, VERDICT_FAILED, t->session, "does not like message.");
		break;
	case SENSE_LATER:
	case SENSE_CLOSING:
		words_quote(answer, VERDICT_DEFERRED, t->session, "does not take message for now.");
		break;
	case SENSE_LOST: words_lost(answer, t->session, PHASE_END, 1); break;
	}
	if (sense == SENSE_LOST || sense == SENSE_CLOSING)
		session_drop(t->session);
	return sense;
}

/*
 * Some servers, or what stands before them, offer CHUNKING and then do not know
 * BDAT, which says nothing about the message: it goes by DATA from now on.
 */
static int
is_chunking_broken(struct transaction *t)
{
	unsigned code = t->session->reply.code;

	if (!t->is_chunked || code < COMMAND_CODE_FIRST || code > COMMAND_CODE_LAST)
		return 0;
	t->session->chunking_is_broken = 1;
	session_drop(t->session);
	return 1;
}

/*
 * A reply for each accepted recipient (RFC 2033, 4.2). When they stop, those
 * that came count; what stopped them is the answer for the rest. Who does not
 * know BDAT says so once, not for each: after the first reply it is known.
 */
static enum transaction_end
verdicts_hear(struct transaction *t)
{
	int is_first = 1;

	t->session->unanswered += (unsigned)t->accepted - 1;
	for (size_t i = 0; i < t->recipients; i++) {
		size_t place = t->recipient[i];
		enum sense sense;

		if (t->outcome->recipient[place].verdict != VERDICT_DELIVERED)
			continue;
		sense = verdict_hear(t, &t->outcome->message);
		if (sense == SENSE_NEVER && is_first && is_chunking_broken(t))
			return TRANSACTION_AGAIN;
		if (sense == SENSE_LOST)
			break;
		is_first = 0;
		outcome_settle(t->outcome, place);
		if (sense == SENSE_CLOSING) {
			t->session->failure = FAILURE_CLOSED;
			words_lost(&t->outcome->message, t->session, PHASE_END, 1);
			break;
		}
	}
	return TRANSACTION_DONE;
}

/* The server has everything and has answered, or should have. */
static enum transaction_end
message_conclude(struct transaction *t)
{
	if (t->is_lmtp)
		return verdicts_hear(t);
	if (verdict_hear(t, &t->outcome->message) == SENSE_NEVER && is_chunking_broken(t))
		return TRANSACTION_AGAIN;
	return TRANSACTION_DONE;
}

static enum transaction_end
message_send(struct transaction *t)
{
	struct answer *answer = &t->outcome->message;
	int is_final;

	t->outcome->asked = 1;
	switch (t->is_chunked ? body_send_chunks(t->session, t->source)
			      : body_send(t->session, t->source)) {
	case BODY_SENT: return message_conclude(t);
	case BODY_UNREADABLE:
		words_say(answer, VERDICT_TROUBLE, "The message can not be read.", "4.3.0");
		break;
	case BODY_REFUSED:
		if (is_chunking_broken(t))
			return TRANSACTION_AGAIN;
		is_final = t->session->reply.code >= 500;
		words_quote(answer, is_final ? VERDICT_FAILED : VERDICT_DEFERRED, t->session,
			is_final ? "does not like message." : "does not take message for now.");
		break;
	case BODY_BROKEN: words_lost(answer, t->session, PHASE_END, 0); break;
	case BODY_BROKEN_AT_END: words_lost(answer, t->session, PHASE_END, 1); break;
	}
	session_drop(t->session); /* in mid-text: what arrived there is no message */
	return TRANSACTION_DONE;
}

static enum transaction_end
data_ask(struct transaction *t)
{
	struct answer *answer = &t->outcome->message;
	enum sense sense = t->is_chunked ? SENSE_YES : ask(t, PHASE_DATA, 0);

	switch (sense) {
	case SENSE_YES: return message_send(t);
	case SENSE_NEVER: words_quote(answer, VERDICT_FAILED, t->session, "refused DATA."); break;
	case SENSE_LATER:
		words_quote(answer, VERDICT_DEFERRED, t->session, "refused DATA for now.");
		break;
	case SENSE_CLOSING:
	case SENSE_LOST: return give_up(t, sense, PHASE_DATA);
	}
	t->outcome->asked = 1;
	t->session->needs_reset = 1;
	return TRANSACTION_DONE;
}

static enum transaction_end
sender_refused(struct transaction *t)
{
	words_quote(&t->outcome->message, VERDICT_FAILED, t->session, "does not like sender.");
	t->outcome->asked = 0;
	session_drop(t->session); /* simpler than what else may be on its way */
	return TRANSACTION_DONE;
}

/* A trial has learned what it can without a message. */
static enum transaction_end
trial_end(struct transaction *t)
{
	t->outcome->asked = 1;
	t->session->needs_reset = 1;
	words_say(&t->outcome->message, VERDICT_DELIVERED, "This was a trial: nothing was sent.",
		NULL);
	return TRANSACTION_DONE;
}

static enum transaction_end
commands_ask(struct transaction *t)
{
	enum sense sense;

	if (t->session->needs_reset) {
		sense = ask(t, PHASE_RSET, 0);
		if (sense != SENSE_YES)
			return give_up(t, sense, PHASE_RSET);
		t->session->needs_reset = 0;
	}
	sense = ask(t, PHASE_MAIL, 0);
	if (sense == SENSE_NEVER)
		return sender_refused(t);
	if (sense != SENSE_YES)
		return give_up(t, sense, PHASE_MAIL);
	sense = recipients_ask(t);
	if (sense != SENSE_YES)
		return give_up(t, sense, PHASE_RCPT);
	if (t->accepted == 0)
		return nobody_accepted(t);
	return t->session->is_trial ? trial_end(t) : data_ask(t);
}

/* Whether the server can take such a message; fills the answer when not. */
static int
is_acceptable(struct transaction *t)
{
	struct session const *session = t->session;
	char text[SESSION_ADDRESS_MAX + 120];

	if (t->job->smtputf8 && !(session->extensions & EXTENSION_SMTPUTF8)) {
		snprintf(text, sizeof text, "%s does not take internationalized mail.",
			session->address);
		words_say(&t->outcome->message, VERDICT_FAILED, text, "5.6.7");
		return 0;
	}
	if (t->job->body == BODY_8BIT && !(session->extensions & EXTENSION_8BITMIME) &&
		!session->settings->eightbit) {
		snprintf(text, sizeof text, "%s does not take 8-bit text.", session->address);
		words_say(&t->outcome->message, VERDICT_FAILED, text, "5.6.3");
		return 0;
	}
	if (session->size_max && t->size > session->size_max) {
		snprintf(text, sizeof text,
			"%s takes messages of at most %llu bytes; this one has %llu.",
			session->address, (unsigned long long)session->size_max,
			(unsigned long long)t->size);
		words_say(&t->outcome->message, VERDICT_FAILED, text, "5.3.4");
		return 0;
	}
	return 1;
}

/* Chooses whom this transaction is for: as many as the server takes in one. */
static void
recipients_choose(struct transaction *t)
{
	uint64_t max = t->session->recipients_max;

	t->recipients = t->accepted = t->left = 0;
	for (size_t i = 0; i < t->job->recipients; i++) {
		if (t->outcome->recipient[i].is_settled)
			continue;
		if (max && t->recipients == max)
			t->left++;
		else
			t->recipient[t->recipients++] = i;
	}
}

static enum transaction_end
transaction_once(struct transaction *t)
{
	recipients_choose(t);
	t->is_sent = 0;
	t->outcome->asked = 0;
	t->session->messages++;
	if (t->pipelined && commands_send(t) == -1)
		return give_up(t, SENSE_LOST, PHASE_MAIL);
	return commands_ask(t);
}

/* The answers of this transaction stand while others are asked for the rest. */
static void
answers_settle(struct transaction *t)
{
	for (size_t i = 0; i < t->recipients; i++)
		if (!t->outcome->recipient[t->recipient[i]].is_settled)
			outcome_settle(t->outcome, t->recipient[i]);
	t->outcome->asked = 0;
}

static enum transaction_end
transactions_run(struct session *session, struct job const *job, struct source *source,
	struct outcome *outcome)
{
	struct transaction t = {.session = session,
		.job = job,
		.source = source,
		.outcome = outcome,
		.is_lmtp = session->host.protocol == RELAY_LMTP,
		.is_chunked = session->extensions & EXTENSION_CHUNKING &&
			      session->settings->chunking && !session->chunking_is_broken,
		.pipelined =
			!session->is_trial && (session->extensions & EXTENSION_PIPELINING) != 0};

	outcome->asked = 0;
	if (session->extensions & EXTENSION_SIZE && source_wire_size(source, &t.size) == -1) {
		words_say(&outcome->message, VERDICT_TROUBLE, "The message can not be read.",
			"4.3.0");
		return TRANSACTION_DONE;
	}
	if (!is_acceptable(&t))
		return TRANSACTION_DONE;
	for (;;) {
		enum transaction_end end = transaction_once(&t);

		if (end != TRANSACTION_DONE || t.left == 0)
			return end;
		answers_settle(&t);
		if (!session->is_open) {
			words_say(&outcome->message, VERDICT_DEFERRED,
				"The session ended before this recipient's turn.", "4.4.2");
			return TRANSACTION_DONE;
		}
		if (!session_has_room(session))
			return TRANSACTION_AGAIN;
	}
}

enum transaction_end
transaction_run(struct session *session, struct job const *job, struct source *source,
	struct outcome *outcome)
{
	enum transaction_end end;

	facts_enter(FACTS_TRANSFER);
	end = transactions_run(session, job, source, outcome);
	facts_enter(FACTS_OTHER);
	return end;
}
