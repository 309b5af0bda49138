#include "smtpd/session.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/counters.h"
#include "lib/text.h"
#include "service/service.h"
#include "smtpd/delay.h"
#include "smtpd/log.h"
#include "smtpd/proxy.h"
#include "smtpd/reason.h"
#include "smtpd/verbs.h"
#include "wire/smtpdcounts.h"

enum {
	LINE_SHOWN = 80, /* bytes in the log of a line that was too long */
	OUTPUT_GATHERED_MAX = 16 * 1024,
	LINGER_MAX = 2000,            /* milliseconds to let the last reply arrive */
	LINGER_BYTES_MAX = 256 * 1024 /* read meanwhile and thrown away */
};

void
session_reset(struct session *s)
{
	struct transaction *t = &s->transaction;

	text_abandon(s);
	t->sender.len = t->sender.local = 0;
	t->sender.utf8 = 0;
	t->body = BODY_7BIT;
	t->smtputf8 = t->has_utf8_recipient = 0;
	t->recipients = t->size = 0;
	t->wishes.len = t->records.len = 0;
	if (s->state == SESSION_MAIL || s->state == SESSION_RECIPIENTS ||
		s->state == SESSION_CHUNKS)
		s->state = SESSION_GREETED;
}

static void
refusal_log(struct session *s, char const *reply)
{
	char const *reason = s->reason ? s->reason : reason_of_reply(reply);

	counters_add(smtpdcounts_refusal(reply, reason));
	if (s->refusals_logged++ >= SESSION_REFUSALS_LOGGED_MAX)
		return;
	log_begin(s, "refuse");
	log_word("reason", reason);
	log_text("reply", span_string(reply));
	log_text("command", s->command);
	if (s->state == SESSION_MAIL || s->state == SESSION_RECIPIENTS)
		log_address("from", span(s->transaction.sender.address, s->transaction.sender.len));
	if (s->helo[0])
		log_text("helo", span_string(s->helo));
	log_end();
}

void
session_reply(struct session *s, char const *reply)
{
	if (s->settings->detail) {
		log_begin(s, "reply");
		log_text("text", span_string(reply));
		log_end();
	}
	if (reply[0] == '4' || reply[0] == '5')
		refusal_log(s, reply);
	s->reason = NULL;
	if (reply[0] == '5') {
		s->errors++;
		if (!s->client.unlimited)
			service_count_error();
		delay_refusal(s);
	}
	if (!stream_puts(&s->stream, reply) || !stream_puts(&s->stream, "\r\n"))
		session_drop(s, "memory");
}

/*
 * Closing a connection with unread input would take our last reply away from
 * the client; so we say that we are done and let him read it.
 */
static void
linger(struct session *s)
{
	int64_t deadline = clock_monotonic() + LINGER_MAX;
	struct pollfd p = {.fd = s->stream.in, .events = POLLIN};
	char discarded[4096];
	size_t total = 0;

	if (shutdown(s->stream.out, SHUT_WR) == -1)
		return;
	while (total < LINGER_BYTES_MAX) {
		int64_t left = deadline - clock_monotonic();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) != 1)
			return;
		n = read(s->stream.in, discarded, sizeof discarded);
		if (n <= 0)
			return;
		total += (size_t)n;
	}
}

void
session_end(struct session *s, char const *reply)
{
	int quit = reply[0] == '2';

	session_reply(s, reply);
	s->state = SESSION_ENDED;
	if (stream_flush(&s->stream) == 0 && !quit)
		linger(s);
}

void
session_drop(struct session *s, char const *reason)
{
	if (s->state == SESSION_ENDED)
		return;
	s->state = SESSION_ENDED;
	if (s->accepted || s->client.is_check)
		return;
	s->is_told = 1;
	log_begin(s, "lost");
	log_text("reason", span_string(reason));
	log_end();
}

/* So that one read does not take longer than is left. */
static void
timeout_set(struct session *s, int64_t left)
{
	struct limits const *limits = &s->settings->limits;
	uint64_t seconds = s->transaction.text.open ? limits->timeout_data : limits->timeout;
	uint64_t most = left > 0 ? (uint64_t)(left + 999) / 1000 : 1;

	s->stream.timeout = (unsigned)(seconds < most ? seconds : most);
}

int
session_fill(struct session *s, int64_t deadline)
{
	int64_t left = deadline - clock_monotonic();
	ssize_t n;

	timeout_set(s, left);

	if (stream_flush(&s->stream) == -1) {
		session_drop(s, strerror(errno));
		return -1;
	}
	reversename_look(s->reverse);
	blocklist_look(s->blocklist);
	n = left > 0 ? stream_fill(&s->stream) : (errno = ETIMEDOUT, -1);
	if (n > 0)
		return 0;
	if (n == 0 && service_is_stopping())
		session_end(s, "421 4.3.2 this server stops; try again later");
	else if (n == -1 && errno == ETIMEDOUT)
		session_end(s, "421 4.4.2 this took too long");
	else
		session_drop(s, n == 0 ? "end of input" : strerror(errno));
	return -1;
}

/*
 * Takes the next command line, which ends in CR LF and nothing else but where
 * control/access says so. Returns 0; or -1 when the session has ended.
 */
static int
line_read(struct session *s)
{
	int64_t deadline = clock_monotonic() + (int64_t)s->settings->limits.timeout * 1000;

	if (deadline > s->accept_until)
		deadline = s->accept_until;
	for (;;) {
		struct span in = stream_pending(&s->stream);
		size_t end = span_find(in, '\n');

		if (end >= SMTP_LINE_MAX) {
			s->command = span(in.s, LINE_SHOWN);
			session_end(s, "500 5.5.2 this line is too long");
			return -1;
		}
		if (end == in.len) {
			if (session_fill(s, deadline) == -1)
				return -1;
			continue;
		}
		memcpy(s->line, in.s, end);
		stream_take(&s->stream, end + 1);
		s->command = span(s->line, end);
		if (end > 0 && s->line[end - 1] == '\r') {
			s->command.len--;
			return 0;
		}
		if (s->client.line_feed != DATA_LF_REFUSED)
			return 0;
		session_end(s, "500 5.5.2 a line must end in CR LF");
		return -1;
	}
}

static void
command_answer(struct session *s)
{
	struct smtp_command command;

	if (s->settings->detail) {
		log_begin(s, "command");
		log_text("line", s->command);
		log_end();
	}
	if (smtp_command_parse(&command, s->command) == -1)
		session_reply(s, "500 5.5.2 control characters have no place in a command");
	else
		verb_answer(s, &command);
	if (s->state != SESSION_ENDED && s->errors >= s->settings->limits.errors)
		session_end(s, "421 4.7.0 too many errors");
	if (s->stream.output.len > OUTPUT_GATHERED_MAX && stream_flush(&s->stream) == -1)
		session_drop(s, strerror(errno));
}

/* In the words of the rule, if it has some. */
static void
deny(struct session *s)
{
	stralloc text = STRALLOC_ZERO;
	struct span denial = s->client.denial;

	if (denial.len == 0)
		denial = SPAN_LITERAL("this server does not talk to your address");
	if (denial.len > SESSION_REPLY_MAX - 11)
		denial.len = SESSION_REPLY_MAX - 11;
	s->reason = "access";
	if (stralloc_cats(&text, "554 5.7.1 ") && text_append_clean(&text, denial) &&
		stralloc_0(&text))
		session_end(s, text.s);
	else
		session_drop(s, "memory");
	stralloc_free(&text);
}

static void
greet(struct session *s)
{
	struct span name = span(s->settings->greeting.s, s->settings->greeting.len);

	if (s->settings->detail) {
		log_begin(s, "connect");
		log_end();
	}
	if (!s->client.allowed) {
		deny(s);
		return;
	}
	if (s->client.known && s->client.name.len == 0 && s->settings->reverse_timeout)
		reversename_ask(s->reverse, &s->client.address,
			s->begun + (int64_t)s->settings->reverse_timeout * 1000);
	if (s->client.known && !s->client.relay && !s->client.unlimited)
		blocklist_ask(s->blocklist, &s->client.address);
	if (delay_greeting(s) == -1)
		return;
	if (!stream_puts(&s->stream, "220 ") || !stream_put(&s->stream, name) ||
		!stream_puts(&s->stream, " ESMTP tern\r\n"))
		session_drop(s, "memory");
}

/* Each connection leaves a line: of messages, of what was refused, or this one. */
static void
end_log(struct session *s)
{
	if (s->accepted || s->refusals_logged || s->is_told || s->client.is_check)
		return;
	log_begin(s, "end");
	log_number("ms", (unsigned long long)(clock_monotonic() - s->begun));
	if (s->helo[0])
		log_text("helo", span_string(s->helo));
	log_end();
}

void
session_run(struct session *s, int in, int out)
{
	counters_add(SMTPDCOUNT_CONNECTIONS);
	s->state = SESSION_CONNECTED;
	s->extended = 0;
	s->errors = s->refusals_logged = 0;
	s->is_told = 0;
	s->accepted = 0;
	s->helo[0] = '\0';
	s->command = span(s->line, 0);
	session_reset(s);
	s->reason = NULL;
	s->messages = 0;
	stream_init(&s->stream, in, out, (unsigned)s->settings->limits.timeout);
	s->begun = clock_monotonic();
	s->accept_until = s->begun + (int64_t)s->settings->limits.timeout_session * 1000;
	if (!s->client.is_proxy || proxy_header_take(s) == 0)
		greet(s);
	while (s->state != SESSION_ENDED && line_read(s) == 0)
		command_answer(s);
	session_reset(s);
	end_log(s);
	stream_free(&s->stream);
}

void
session_free(struct session *s)
{
	stralloc_free(&s->transaction.records);
	stralloc_free(&s->transaction.wishes);
}
