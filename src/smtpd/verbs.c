#include "smtpd/verbs.h"

#include <stdio.h>
#include <string.h>

#include "smtpd/data.h"
#include "smtpd/envelope.h"
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
	char const *refusal;

	if (name.len == 0 || name.len > SESSION_HELO_MAX) {
		session_reply(s, "501 5.5.4 the name of your host is missing or too long");
		return -1;
	}
	for (size_t i = 0; i < name.len; i++)
		if (name.s[i] <= ' ' || name.s[i] >= 127) {
			session_reply(s, "501 5.5.4 this is not the name of a host");
			return -1;
		}
	refusal = policy_helo(s, name);
	if (refusal) {
		session_reply(s, refusal);
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
		"250-DSN\r\n"
		"250-SMTPUTF8\r\n"
		"250-CHUNKING\r\n"
		"250-LIMITS RCPTMAX=%llu\r\n"
		"250 ENHANCEDSTATUSCODES",
		s->settings->me.s, (unsigned long long)s->client.databytes,
		(unsigned long long)s->settings->limits.recipients);
	session_reply(s, reply);
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

/* Says nothing about who is here (RFC 5321, 7.3). */
static void
verify(struct session *s, struct span argument)
{
	if (argument.len == 0) {
		session_reply(s, "501 5.5.4 VRFY needs an address");
		return;
	}
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
#define ALWAYS (IN(CONNECTED) | IN(GREETED) | IN(MAIL) | IN(RECIPIENTS) | IN(CHUNKS))

static struct {
	void (*answer)(struct session *, struct span);
	unsigned states; /* in which it may come */
	int alone;       /* takes no argument */
	char const *out_of_order;
} const verbs[SMTP_VERBS] = {
	[SMTP_HELO] = {greet_plain, ALWAYS, 0, NULL},
	[SMTP_EHLO] = {greet_extended, ALWAYS, 0, NULL},
	[SMTP_MAIL] = {envelope_sender, IN(GREETED), 0,
		"503 5.5.1 MAIL comes after EHLO, and once for a message"},
	[SMTP_RCPT] = {envelope_recipient, IN(MAIL) | IN(RECIPIENTS), 0,
		"503 5.5.1 RCPT comes after MAIL"},
	[SMTP_DATA] = {data, IN(RECIPIENTS), 1, "503 5.5.1 DATA comes after an accepted RCPT"},
	[SMTP_BDAT] = {chunk_answer, ALWAYS, 0, NULL}, /* looks at the state itself */
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
