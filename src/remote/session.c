#include "remote/session.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/number.h"
#include "lib/text.h"
#include "net/connect.h"
#include "remote/trace.h"

/* What each phase waits for, and how long (RFC 5321, 4.5.3.2). */
static struct {
	char const *name;
	enum timeout timeout;
	unsigned first, last; /* the codes that mean yes */
} const phases[] = {
	[PHASE_GREETING] = {"the connection", TIMEOUT_GREETING, 220, 220},
	[PHASE_EHLO] = {"EHLO", TIMEOUT_HELLO, 250, 250},
	[PHASE_HELO] = {"HELO", TIMEOUT_HELLO, 250, 250},
	[PHASE_LHLO] = {"LHLO", TIMEOUT_HELLO, 250, 250},
	[PHASE_RSET] = {"RSET", TIMEOUT_MAIL, 250, 250},
	[PHASE_MAIL] = {"MAIL", TIMEOUT_MAIL, 250, 250},
	[PHASE_RCPT] = {"RCPT", TIMEOUT_RCPT, 250, 252},
	[PHASE_DATA] = {"DATA", TIMEOUT_DATA, 354, 354},
	[PHASE_BDAT] = {"BDAT", TIMEOUT_BLOCK, 250, 250},
	[PHASE_END] = {"the message", TIMEOUT_END, 250, 259},
	[PHASE_QUIT] = {"QUIT", TIMEOUT_MAIL, 221, 221},
};

enum {
	QUIT_SECONDS = 5, /* the answer tells nothing */
	FRESH_MILLISECONDS = 1000
};

char const *
phase_name(enum phase phase)
{
	return phases[phase].name;
}

static unsigned
seconds_at_most(struct session const *session, uint64_t seconds)
{
	uint64_t most = session->settings->timeout_remote;

	return (unsigned)(most < seconds ? most : seconds);
}

static unsigned
seconds_for(struct session const *session, enum phase phase)
{
	uint64_t seconds = session->settings->timeouts.seconds[phases[phase].timeout];

	if (phase == PHASE_QUIT && seconds > QUIT_SECONDS)
		seconds = QUIT_SECONDS;
	return seconds_at_most(session, seconds);
}

/*
 * The socket itself wakes us after that time without a byte; how long we are
 * patient altogether is decided by the clock, so that a change of phase costs
 * no system call. It is also what a block of text may take.
 */
static unsigned
socket_seconds(struct session const *session)
{
	return seconds_at_most(session, session->settings->timeouts.seconds[TIMEOUT_BLOCK]);
}

static void
session_reset(struct session *session)
{
	session->is_open = 1;
	session->opened = session->heard = clock_monotonic();
	session->extensions = 0;
	session->size_max = session->recipients_max = session->messages_max = 0;
	session->messages = 0;
	session->unanswered = 1; /* the greeting */
	session->needs_reset = 0;
	stralloc_free(&session->stream.output);
	stream_init(&session->stream, session->fd, session->fd, socket_seconds(session));
}

void
session_begin(struct session *session, struct mailhost const *host, struct settings const *settings)
{
	char where[DNS_NAME_TEXT_MAX + 16] = "a socket";

	session->host = *host;
	session->settings = settings;
	smtpreply_start(&session->reply);
	if (host->port) {
		netaddress_format(session->address, &host->address);
		snprintf(where, sizeof where, "%s port %u", host->name.text, (unsigned)host->port);
	} else {
		snprintf(session->address, sizeof session->address, "%.*s", SESSION_ADDRESS_MAX - 1,
			host->name.text);
	}
	trace_lines(session->address, "connecting to", span_string(where));
}

void
session_not_connected(struct session *session, int error)
{
	trace_lines(session->address, "not connected:", span_string(strerror(error)));
}

void
session_connected(struct session *session, int fd)
{
	session->fd = fd;
	session_reset(session);
}

int
session_connect(struct session *session, struct mailhost const *host,
	struct netaddress const *local, struct settings const *settings)
{
	int64_t deadline = clock_monotonic() + (int64_t)settings->timeout_connect * 1000;
	int fd, e;

	session_begin(session, host, settings);
	fd = host->port ? connect_tcp(&host->address, host->port, local, deadline)
			: connect_unix(session->address, deadline);
	if (fd == -1) {
		e = errno;
		session_not_connected(session, e);
		errno = e;
		return -1;
	}
	session_connected(session, fd);
	return 0;
}

int
session_put(struct session *session, struct span command)
{
	if (!stream_put(&session->stream, command))
		return 0;
	session->unanswered++;
	return 1;
}

int
session_flush(struct session *session)
{
	session->stream.timeout = socket_seconds(session);
	if (stream_flush(&session->stream) == 0)
		return 0;
	session->stream.output.len = 0;
	session->error = errno;
	session->failure = errno == ETIMEDOUT                      ? FAILURE_SILENT
			   : errno == EPIPE || errno == ECONNRESET ? FAILURE_CLOSED
								   : FAILURE_BROKEN;
	return -1;
}

int
session_send(struct session *session)
{
	stralloc const *output = &session->stream.output;

	trace_lines(session->address, ">", span(output->s, output->len));
	return session_flush(session) == -1 && session->failure != FAILURE_CLOSED ? -1 : 0;
}

/* Waits for bytes until the deadline. Returns 0, or -1 with session->failure. */
static int
bytes_await(struct session *session, int64_t deadline)
{
	for (;;) {
		int64_t left = deadline - clock_monotonic();
		ssize_t n;

		if (left <= 0)
			break;
		session->stream.timeout = socket_seconds(session);
		if (left < (int64_t)session->stream.timeout * 1000)
			session->stream.timeout = (unsigned)((left + 999) / 1000);
		n = stream_fill(&session->stream);
		if (n > 0)
			return 0;
		if (n == 0 || errno == ECONNRESET) {
			session->failure = FAILURE_CLOSED;
			return -1;
		}
		if (errno != ETIMEDOUT) {
			session->error = errno;
			session->failure = FAILURE_BROKEN;
			return -1;
		}
	}
	session->failure = FAILURE_SILENT;
	return -1;
}

/* Reads one reply. Returns 0, or -1 with session->failure. */
static int
reply_read(struct session *session, enum phase phase)
{
	struct smtpreply *reply = &session->reply;
	int64_t deadline = clock_monotonic() + (int64_t)seconds_for(session, phase) * 1000;

	smtpreply_start(reply);
	for (;;) {
		size_t used;

		smtpreply_feed(reply, stream_pending(&session->stream), &used);
		stream_take(&session->stream, used);
		if (reply->status != SMTPREPLY_MORE)
			break;
		if (bytes_await(session, deadline) == -1)
			return -1;
	}
	session->heard = clock_monotonic();
	trace_lines(session->address, "<", span(reply->text.s, reply->text.len));
	if (reply->status == SMTPREPLY_COMPLETE)
		return 0;
	session->failure = reply->status == SMTPREPLY_NO_MEMORY ? FAILURE_MEMORY : FAILURE_NONSENSE;
	return -1;
}

/* Whether what has come after the last reply that we waited for may be there. */
static int
rest_is_good(struct session const *session)
{
	static char const leaving[] = "421";
	struct span rest = stream_pending(&session->stream);

	return session->unanswered > 0 || rest.len == 0 ||
	       (rest.len >= sizeof leaving - 1 && memcmp(rest.s, leaving, sizeof leaving - 1) == 0);
}

enum sense
session_hear(struct session *session, enum phase phase)
{
	unsigned code;

	if (reply_read(session, phase) == -1)
		return SENSE_LOST;
	code = session->reply.code;
	session->unanswered--;
	if (code == 421)
		return SENSE_CLOSING;
	session->failure = FAILURE_NONSENSE;
	if (!rest_is_good(session))
		return SENSE_LOST;
	if (code >= 500)
		return SENSE_NEVER;
	if (code >= 400)
		return SENSE_LATER;
	return code >= phases[phase].first && code <= phases[phase].last ? SENSE_YES : SENSE_LOST;
}

static uint64_t
lesser(uint64_t limit, uint64_t other)
{
	return other && other < limit ? other : limit;
}

int
session_has_room(struct session const *session)
{
	struct settings const *settings = session->settings;

	return session->messages < lesser(settings->messages, session->messages_max) &&
	       clock_monotonic() - session->opened < (int64_t)settings->session_seconds * 1000;
}

int
session_is_quiet(struct session *session)
{
	char c;

	return stream_pending(&session->stream).len == 0 &&
	       recv(session->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
	       (errno == EAGAIN || errno == EWOULDBLOCK);
}

int
session_is_fresh(struct session *session)
{
	if (clock_monotonic() - session->heard < FRESH_MILLISECONDS)
		return stream_pending(&session->stream).len == 0;
	return session_is_quiet(session);
}

void
session_drop(struct session *session)
{
	if (!session->is_open)
		return;
	close(session->fd);
	session->is_open = 0;
}

void
session_quit(struct session *session)
{
	if (!session->is_open)
		return;
	if (session_put(session, SPAN_LITERAL("QUIT\r\n")) && session_send(session) == 0)
		session_hear(session, PHASE_QUIT);
	session_drop(session);
}

/* RFC 9422, 3. RCPTDOMAINMAX is never met: a job is for one domain. */
static void
limits_note(struct session *session, struct span line)
{
	while (line.len) {
		struct span value = span_cut(&line, ' ');
		struct span name = span_cut(&value, '=');
		uint64_t number;

		if (number_parse(value, UINT64_MAX, &number) == -1)
			continue;
		if (span_case_equal(name, SPAN_LITERAL("RCPTMAX")))
			session->recipients_max = number;
		else if (span_case_equal(name, SPAN_LITERAL("MAILMAX")))
			session->messages_max = number;
	}
}

static void
extension_note(struct session *session, struct span line)
{
	struct span word = span_cut(&line, ' ');

	if (span_case_equal(word, SPAN_LITERAL("PIPELINING")))
		session->extensions |= EXTENSION_PIPELINING;
	else if (span_case_equal(word, SPAN_LITERAL("8BITMIME")))
		session->extensions |= EXTENSION_8BITMIME;
	else if (span_case_equal(word, SPAN_LITERAL("SMTPUTF8")))
		session->extensions |= EXTENSION_SMTPUTF8;
	else if (span_case_equal(word, SPAN_LITERAL("DSN")))
		session->extensions |= EXTENSION_DSN;
	else if (span_case_equal(word, SPAN_LITERAL("CHUNKING")))
		session->extensions |= EXTENSION_CHUNKING;
	else if (span_case_equal(word, SPAN_LITERAL("LIMITS")))
		limits_note(session, line);
	else if (span_case_equal(word, SPAN_LITERAL("SIZE"))) {
		session->extensions |= EXTENSION_SIZE;
		/* A limit that is no number is none. */
		number_parse(span_trim(line), UINT64_MAX, &session->size_max);
	}
}

/* The first line of the reply to EHLO or LHLO is a greeting. */
static void
extensions_note(struct session *session)
{
	struct span rest = span(session->reply.text.s, session->reply.text.len);

	smtpreply_line_cut(&rest);
	while (rest.len)
		extension_note(session, smtpreply_line_cut(&rest));
}

static enum sense
name_say(struct session *session, enum phase phase, char const *name)
{
	stralloc command = STRALLOC_ZERO;
	int good = text_append(&command, phases[phase].name, " ", name, "\r\n", (char *)0) &&
		   session_put(session, span(command.s, command.len));

	stralloc_free(&command);
	session->failure = FAILURE_MEMORY;
	if (!good || session_send(session) == -1)
		return SENSE_LOST;
	return session_hear(session, phase);
}

enum sense
session_greet(struct session *session, char const *name, int use_helo, enum phase *phase)
{
	enum sense sense;

	*phase = PHASE_GREETING;
	sense = session_hear(session, PHASE_GREETING);
	if (sense != SENSE_YES)
		return sense;
	if (session->host.protocol == RELAY_LMTP) {
		*phase = PHASE_LHLO;
		sense = name_say(session, PHASE_LHLO, name);
		if (sense == SENSE_YES)
			extensions_note(session);
		return sense;
	}
	if (!use_helo) {
		*phase = PHASE_EHLO;
		sense = name_say(session, PHASE_EHLO, name);
		if (sense == SENSE_YES)
			extensions_note(session);
		if (sense != SENSE_LATER && sense != SENSE_NEVER)
			return sense;
	}
	*phase = PHASE_HELO;
	return name_say(session, PHASE_HELO, name);
}
