#include "remote/transaction.h"

#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "remote/body.h"
#include "remote/words.h"
#include "wire/smtppath.h"

struct transaction {
	struct session *session;
	struct job const *job;
	struct source *source;
	struct outcome *outcome;
	uint64_t size;   /* of the message on the wire; 0: the server does not ask */
	size_t accepted; /* recipients */
	int pipelined;   /* all commands have been sent already */
};

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
	return possible;
}

/* Appends " NAME=value" when there is a value and the server knows DSN (RFC 3461, 5.2). */
static int
wish_append(struct transaction const *t, stralloc *out, char const *name, struct span value)
{
	if (value.len == 0 || !(t->session->extensions & EXTENSION_DSN))
		return 1;
	return text_append(out, " ", name, "=", (char *)0) &&
	       stralloc_catb(out, value.s, value.len);
}

static int
mail_append(struct transaction const *t, stralloc *out)
{
	unsigned extensions = t->session->extensions;

	if (!text_append(out, "MAIL FROM:", (char *)0) || !smtppath_append(out, t->job->sender))
		return 0;
	if (t->size &&
		(!text_append(out, " SIZE=", (char *)0) || !text_append_number(out, t->size)))
		return 0;
	if (t->job->body == BODY_8BIT && extensions & EXTENSION_8BITMIME &&
		!text_append(out, " BODY=8BITMIME", (char *)0))
		return 0;
	if (t->job->smtputf8 && !text_append(out, " SMTPUTF8", (char *)0))
		return 0;
	return wish_append(t, out, "RET", t->job->ret) &&
	       wish_append(t, out, "ENVID", t->job->envelope_id) &&
	       text_append(out, "\r\n", (char *)0);
}

static int
rcpt_append(struct transaction const *t, stralloc *out, size_t i)
{
	return text_append(out, "RCPT TO:", (char *)0) &&
	       smtppath_append(out, t->job->recipient[i]) &&
	       wish_append(t, out, "NOTIFY", t->job->notify[i]) &&
	       wish_append(t, out, "ORCPT", t->job->original_recipient[i]) &&
	       text_append(out, "\r\n", (char *)0);
}

/* Puts the command of a phase; i is the recipient. Returns 1, or 0 without memory. */
static int
command_put(struct transaction *t, enum phase phase, size_t i)
{
	static stralloc command;

	command.len = 0;
	switch (phase) {
	case PHASE_MAIL:
		if (!mail_append(t, &command))
			return 0;
		break;
	case PHASE_RCPT:
		if (!rcpt_append(t, &command, i))
			return 0;
		break;
	default:
		if (!text_append(&command, phase_name(phase), "\r\n", (char *)0))
			return 0;
	}
	return session_put(t->session, span(command.s, command.len));
}

static int
is_asked(struct transaction const *t, size_t recipient)
{
	return smtppath_is_possible(t->job->recipient[recipient]);
}

/* All commands up to DATA at once (RFC 2920). Returns 0, or -1 with the session's failure. */
static int
commands_send(struct transaction *t)
{
	int good = 1;

	if (t->session->needs_reset)
		good = command_put(t, PHASE_RSET, 0);
	good = good && command_put(t, PHASE_MAIL, 0);
	for (size_t i = 0; good && i < t->job->recipients; i++)
		if (is_asked(t, i))
			good = command_put(t, PHASE_RCPT, i);
	good = good && command_put(t, PHASE_DATA, 0);
	t->session->failure = FAILURE_MEMORY;
	return good ? session_send(t->session) : -1;
}

/* The server's answer to one command, which is sent now unless it is on its way. */
static enum sense
ask(struct transaction *t, enum phase phase, size_t i)
{
	if (!t->pipelined) {
		t->session->failure = FAILURE_MEMORY;
		if (!command_put(t, phase, i) || session_send(t->session) == -1)
			return SENSE_LOST;
	}
	return session_hear(t->session, phase);
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
	t->outcome->asked = 0;
	session_drop(t->session);
	return TRANSACTION_NEXT;
}

/* Hears about each recipient. Returns SENSE_YES, or what ended it. */
static enum sense
recipients_ask(struct transaction *t)
{
	for (size_t i = 0; i < t->job->recipients; i++) {
		struct answer *answer = &t->outcome->recipient[i];
		enum sense sense;

		if (!is_asked(t, i))
			continue;
		sense = ask(t, PHASE_RCPT, i);
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
	}
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
	char text[NETADDRESS_TEXT_MAX + 40];

	t->outcome->asked = 1;
	snprintf(text, sizeof text, "Giving up on %s.", session->address);
	words_say(&t->outcome->message, VERDICT_FAILED, text, NULL);
	session->needs_reset = 1;
	if (t->pipelined)
		sense = session_hear(session, PHASE_DATA);
	if (sense == SENSE_LOST && session->failure == FAILURE_NONSENSE)
		return give_up(t, sense, PHASE_DATA);
	if (sense == SENSE_YES) {
		session->needs_reset = 0;
		sense = SENSE_LOST;
		if (session_put(session, SPAN_LITERAL(".\r\n")) && session_send(session) == 0)
			sense = session_hear(session, PHASE_END);
	}
	if (sense == SENSE_LOST || sense == SENSE_CLOSING)
		session_drop(session);
	return TRANSACTION_DONE;
}

/* The server has everything and has answered, or should have. */
static enum transaction_end
message_conclude(struct transaction *t)
{
	struct answer *answer = &t->outcome->message;
	enum sense sense = session_hear(t->session, PHASE_END);

	switch (sense) {
	case SENSE_YES:
		words_quote(answer, VERDICT_DELIVERED, t->session, "accepted message.");
		return TRANSACTION_DONE;
	case SENSE_NEVER:
		words_quote(answer, VERDICT_FAILED, t->session, "does not like message.");
		return TRANSACTION_DONE;
	case SENSE_LATER:
	case SENSE_CLOSING:
		words_quote(answer, VERDICT_DEFERRED, t->session, "does not take message for now.");
		break;
	case SENSE_LOST: words_lost(answer, t->session, PHASE_END, 1); break;
	}
	if (sense != SENSE_LATER)
		session_drop(t->session);
	return TRANSACTION_DONE;
}

static enum transaction_end
message_send(struct transaction *t)
{
	struct answer *answer = &t->outcome->message;

	t->outcome->asked = 1;
	switch (body_send(t->session, t->source)) {
	case BODY_SENT: return message_conclude(t);
	case BODY_UNREADABLE:
		words_say(answer, VERDICT_TROUBLE, "The message can not be read.", "4.3.0");
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
	enum sense sense = ask(t, PHASE_DATA, 0);

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
	char text[160];

	if (t->job->smtputf8 && !(session->extensions & EXTENSION_SMTPUTF8)) {
		snprintf(text, sizeof text, "%s does not take internationalized mail.",
			session->address);
		words_say(&t->outcome->message, VERDICT_FAILED, text, "5.6.7");
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

enum transaction_end
transaction_run(struct session *session, struct job const *job, struct source *source,
	struct outcome *outcome)
{
	struct transaction t = {.session = session,
		.job = job,
		.source = source,
		.outcome = outcome,
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
	if (t.pipelined && commands_send(&t) == -1)
		return give_up(&t, SENSE_LOST, PHASE_MAIL);
	return commands_ask(&t);
}
