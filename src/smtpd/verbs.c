#include "smtpd/verbs.h"

#include <stdio.h>
#include <string.h>

#include "lib/number.h"
#include "smtpd/data.h"
#include "smtpd/policy.h"

static void
end_by_quit(struct session *s, struct span argument)
{
	char reply[SESSION_REPLY_MAX];

	(void)argument;
	snprintf(reply, sizeof reply, "221 2.0.0 %.255s closes", s->settings->me.s);
	session_end(s, reply);
}

/* Keeps the first word, which is the name; it goes to the Received line and the log. */
static int
helo_take(struct session *s, struct span argument)
{
	struct span name = span_cut(&argument, ' ');

	if (name.len == 0 || name.len > SESSION_HELO_MAX) {
		session_reply(s, "501 5.5.4 the name of your host is missing or too long");
		return -1;
	}
	for (size_t i = 0; i < name.len; i++)
		if (name.s[i] <= ' ' || name.s[i] >= 127) {
			session_reply(s, "501 5.5.4 this is not the name of a host");
			return -1;
		}
	memcpy(s->helo, name.s, name.len);
	s->helo[name.len] = '\0';
	session_reset(s);
	s->state = SESSION_GREETED;
	return 0;
}

static void
greet_plain(struct session *s, struct span argument)
{
	char reply[SESSION_REPLY_MAX];

	if (helo_take(s, argument) == -1)
		return;
	s->extended = 0;
	snprintf(reply, sizeof reply, "250 %.255s", s->settings->me.s);
	session_reply(s, reply);
}

static void
greet_extended(struct session *s, struct span argument)
{
	char reply[SESSION_REPLY_MAX];

	if (helo_take(s, argument) == -1)
		return;
	s->extended = 1;
	snprintf(reply, sizeof reply,
		"250-%.255s\r\n"
		"250-PIPELINING\r\n"
		"250-8BITMIME\r\n"
		"250-SIZE %llu\r\n"
		"250 ENHANCEDSTATUSCODES",
		s->settings->me.s, (unsigned long long)s->client.databytes);
	session_reply(s, reply);
}

/* SIZE (RFC 1870). A number of any length is one; one that does not fit is over each limit. */
static char const *
size_check(struct session const *s, struct span value)
{
	uint64_t size;

	if (value.len == 0 || value.len > 20)
		return "501 5.5.4 SIZE needs a number of at most 20 digits";
	for (size_t i = 0; i < value.len; i++)
		if (value.s[i] < '0' || value.s[i] > '9')
			return "501 5.5.4 SIZE needs a number";
	if (number_parse(value, UINT64_MAX, &size) == -1)
		size = UINT64_MAX;
	if (s->client.databytes && size > s->client.databytes)
		return "552 5.3.4 this message is over our limit";
	return NULL;
}

/* Reads the parameters of MAIL. Returns NULL, or the reply that refuses one. */
static char const *
mail_parameters(struct session *s, struct span rest, enum body_type *body)
{
	struct smtp_parameter parameter;
	int has_size = 0, has_body = 0, r;

	while ((r = smtp_parameter_next(&parameter, &rest)) == 1) {
		if (span_case_equal(parameter.keyword, SPAN_LITERAL("SIZE"))) {
			char const *reply = size_check(s, parameter.value);

			if (reply || has_size++)
				return reply ? reply : "501 5.5.4 SIZE is given twice";
		} else if (span_case_equal(parameter.keyword, SPAN_LITERAL("BODY"))) {
			if (has_body++)
				return "501 5.5.4 BODY is given twice";
			if (span_case_equal(parameter.value, SPAN_LITERAL("8BITMIME")))
				*body = BODY_8BIT;
			else if (!span_case_equal(parameter.value, SPAN_LITERAL("7BIT")))
				return "501 5.5.4 BODY is 7BIT or 8BITMIME";
		} else {
			return "555 5.5.4 MAIL has no such parameter here";
		}
	}
	return r == -1 ? "501 5.5.4 the parameters make no sense" : NULL;
}

static char const *
syntax_reply(enum smtp_syntax syntax, int sender)
{
	switch (syntax) {
	case SMTP_EIGHT_BIT: return "553 5.6.7 an address must be ASCII here";
	case SMTP_TOO_LONG: return "501 5.1.3 this address is too long";
	default:
		return sender ? "501 5.1.7 the form is MAIL FROM:<user@domain>"
			      : "501 5.1.3 the form is RCPT TO:<user@domain>";
	}
}

static void
mail_begin(struct session *s, struct span argument)
{
	struct transaction *t = &s->transaction;
	enum body_type body = BODY_7BIT;
	enum smtp_syntax syntax;
	struct span parameters;
	char const *refusal;

	session_reset(s);
	syntax = smtp_path_parse(&t->sender, &parameters, argument, SPAN_LITERAL("FROM:"));
	if (syntax != SMTP_GOOD)
		refusal = syntax_reply(syntax, 1);
	else if (!(refusal = mail_parameters(s, parameters, &body)))
		refusal = policy_sender(s, &t->sender);
	if (refusal) {
		session_reset(s);
		session_reply(s, refusal);
		return;
	}
	t->body = body;
	s->state = SESSION_MAIL;
	session_reply(s, "250 2.1.0 ok");
}

static void
recipient_add(struct session *s, struct span argument)
{
	struct transaction *t = &s->transaction;
	struct smtp_path path;
	struct span parameters;
	struct smtp_parameter parameter;
	enum smtp_syntax syntax;
	char const *refusal;

	if (t->recipients >= s->settings->recipients) {
		session_reply(s, "452 4.5.3 too many recipients for one message");
		return;
	}
	syntax = smtp_path_parse(&path, &parameters, argument, SPAN_LITERAL("TO:"));
	if (syntax != SMTP_GOOD)
		refusal = syntax_reply(syntax, 0);
	else if (smtp_parameter_next(&parameter, &parameters) != 0)
		refusal = "555 5.5.4 RCPT has no such parameter here";
	else
		refusal = policy_recipient(s, &path);
	if (!refusal && !envelope_append(&t->records, 'T', span(path.address, path.len)))
		refusal = "452 4.3.1 out of memory";
	if (refusal) {
		session_reply(s, refusal);
		return;
	}
	t->recipients++;
	s->state = SESSION_RECIPIENTS;
	session_reply(s, "250 2.1.5 ok");
}

static void
transaction_forget(struct session *s, struct span argument)
{
	(void)argument;
	session_reset(s);
	session_reply(s, "250 2.0.0 ok");
}

static void
nothing_do(struct session *s, struct span argument)
{
	(void)argument;
	session_reply(s, "250 2.0.0 ok");
}

static void
verify(struct session *s, struct span argument)
{
	(void)argument;
	session_reply(s, "252 2.5.0 no address is verified here; send to it to find out");
}

static void
help(struct session *s, struct span argument)
{
	(void)argument;
	session_reply(s, "214 2.0.0 this is tern; it speaks RFC 5321");
}

static void
foreign(struct session *s, struct span argument)
{
	(void)argument;
	session_reply(s, "502 5.5.1 this command is not offered");
}

static void
unknown(struct session *s, struct span argument)
{
	(void)argument;
	session_reply(s, "500 5.5.2 this command is unknown");
}

static void
data(struct session *s, struct span argument)
{
	(void)argument;
	data_answer(s);
}

#define IN(state) (1u << SESSION_##state)
#define ALWAYS (IN(CONNECTED) | IN(GREETED) | IN(MAIL) | IN(RECIPIENTS))

static struct {
	void (*answer)(struct session *, struct span);
	unsigned states; /* in which it may come */
	int alone;       /* takes no argument */
	char const *out_of_order;
} const verbs[SMTP_VERBS] = {
	[SMTP_HELO] = {greet_plain, ALWAYS, 0, NULL},
	[SMTP_EHLO] = {greet_extended, ALWAYS, 0, NULL},
	[SMTP_MAIL] = {mail_begin, IN(GREETED), 0,
		"503 5.5.1 MAIL comes after EHLO, and once for a message"},
	[SMTP_RCPT] = {recipient_add, IN(MAIL) | IN(RECIPIENTS), 0,
		"503 5.5.1 RCPT comes after MAIL"},
	[SMTP_DATA] = {data, IN(RECIPIENTS), 1, "503 5.5.1 DATA comes after an accepted RCPT"},
	[SMTP_RSET] = {transaction_forget, ALWAYS, 1, NULL},
	[SMTP_NOOP] = {nothing_do, ALWAYS, 0, NULL},
	[SMTP_VRFY] = {verify, ALWAYS, 0, NULL},
	[SMTP_HELP] = {help, ALWAYS, 0, NULL},
	[SMTP_QUIT] = {end_by_quit, ALWAYS, 1, NULL},
	[SMTP_FOREIGN] = {foreign, ALWAYS, 0, NULL},
	[SMTP_UNKNOWN] = {unknown, ALWAYS, 0, NULL},
};

void
verb_answer(struct session *s, struct smtp_command const *command)
{
	if (!(verbs[command->verb].states & (1u << s->state))) {
		/* What a client sends after DATA without waiting for 354 is text, not commands. */
		if (command->verb == SMTP_DATA && stream_pending(&s->stream).len)
			session_end(s, verbs[SMTP_DATA].out_of_order);
		else
			session_reply(s, verbs[command->verb].out_of_order);
		return;
	}
	if (verbs[command->verb].alone && command->argument.len) {
		session_reply(s, "501 5.5.4 this command takes no argument");
		return;
	}
	verbs[command->verb].answer(s, command->argument);
}
