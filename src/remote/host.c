#include "remote/host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "remote/facts.h"
#include "remote/words.h"

void
host_note(struct attempt *a)
{
	struct mailhost const *host = &a->remote->session.host;
	char const *address = a->remote->session.address;

	outcome_forget_host(a->outcome);
	stralloc_catb(&a->outcome->host, host->name.text, host->name.len);
	stralloc_cats(&a->outcome->address, address);
	a->outcome->port = host->port;
}

void
host_note_reply(struct attempt *a)
{
	struct smtpreply const *reply = &a->remote->session.reply;

	a->outcome->code = reply->status == SMTPREPLY_COMPLETE ? reply->code : 0;
}

int
host_error_is_ours(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ECONNRESET:
	case ENOENT: /* the socket of a server that is down */
	case ETIMEDOUT:
	case EHOSTUNREACH: return 0;
	default: return 1;
	}
}

void
host_not_connected(struct attempt *a, int error)
{
	struct session const *session = &a->remote->session;
	int ours = host_error_is_ours(error);
	char port[16] = "", text[256];

	host_note(a);
	if (session->host.port)
		snprintf(port, sizeof port, " port %u", (unsigned)session->host.port);
	snprintf(text, sizeof text, "Unable to connect to %s%s: %s.", session->address, port,
		strerror(error));
	words_say(&a->outcome->message, ours ? VERDICT_TROUBLE : VERDICT_DEFERRED, text, "4.4.1");
	a->reached = ours ? REACHED_NOTHING : REACHED_NO_HOST;
	a->unwelcome = 0;
}

static enum transaction_end
not_greeted(struct attempt *a, enum sense sense, enum phase phase)
{
	struct session *session = &a->remote->session;

	if (sense == SENSE_LOST)
		words_lost(&a->outcome->message, session, phase, 0);
	else
		words_quote_connected(&a->outcome->message, VERDICT_DEFERRED, session,
			phase == PHASE_GREETING ? "greeting failed." : "my name was refused.");
	a->unwelcome = phase == PHASE_GREETING && sense == SENSE_NEVER;
	session_drop(session);
	return TRANSACTION_NEXT;
}

/* An old server that hangs up at EHLO gets a second connection, with HELO. */
static enum sense
connect_and_greet(struct attempt *a, struct mailhost const *host, enum phase *phase)
{
	struct remote *r = a->remote;
	char const *name = r->helo.s;
	enum sense sense = session_greet(&r->session, name, 0, phase);

	if (*phase != PHASE_EHLO || sense == SENSE_YES ||
		(sense == SENSE_LOST && r->session.failure != FAILURE_CLOSED))
		return sense;
	session_drop(&r->session);
	if (session_connect(&r->session, host, route_source(&a->match.route, &host->address),
		    &r->settings) == -1) {
		r->session.error = errno;
		r->session.failure = FAILURE_BROKEN;
		return SENSE_LOST;
	}
	return session_greet(&r->session, name, 1, phase);
}

static enum transaction_end
offer_once(struct attempt *a, struct mailhost const *host)
{
	struct remote *r = a->remote;
	enum phase phase;
	enum sense sense;

	a->reached = REACHED_HOST;
	a->unwelcome = 0;
	host_note(a);
	sense = connect_and_greet(a, host, &phase);
	if (sense != SENSE_YES)
		return not_greeted(a, sense, phase);
	return transaction_run(&r->session, a->job, &r->source, a->outcome);
}

enum transaction_end
host_offer(struct attempt *a, struct mailhost const *host)
{
	struct remote *r = a->remote;
	enum transaction_end end;

	while ((end = offer_once(a, host)) == TRANSACTION_AGAIN) {
		session_quit(&r->session);
		facts_enter(FACTS_CONNECT);
		if (session_connect(&r->session, host,
			    route_source(&a->match.route, &host->address), &r->settings) == -1) {
			host_not_connected(a, errno);
			return TRANSACTION_NEXT;
		}
	}
	return end;
}
