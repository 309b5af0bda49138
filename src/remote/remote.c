#include "remote/remote.h"

#include <errno.h>
#include <stdio.h>

#include "lib/clock.h"
#include "lib/text.h"
#include "policy/confinement.h"
#include "remote/trace.h"
#include "remote/transaction.h"
#include "remote/words.h"

/* How much an answer tells; of several hosts' answers the last of the best counts. */
enum reached { REACHED_NOTHING, REACHED_NO_HOST, REACHED_HOST };

struct attempt {
	struct remote *remote;
	struct job const *job;
	struct outcome *outcome;
	struct route_match match;
	enum reached reached; /* by the host at hand */
	int unwelcome;        /* it greeted with 5xx */
};

static stralloc why;

/* What others said about their failure. */
static char const *
why_string(void)
{
	return stralloc_0(&why) ? why.s : "There is no memory.";
}

/* Trouble of our own: nobody was asked. */
static void
trouble(struct outcome *outcome, char const *code)
{
	outcome->asked = 0;
	words_say(&outcome->message, VERDICT_TROUBLE, why_string(), code);
}

/*
 * A setting can not be read. If it was refused to us, then perhaps only to us,
 * since we may read no more than what was there when we were confined.
 */
static void
trouble_settings(struct outcome *outcome)
{
	outcome->settings_refused = errno == EACCES;
	trouble(outcome, "4.3.5");
}

static void
reached_note(struct attempt *a)
{
	struct mailhost const *host = &a->remote->session.host;
	char const *address = a->remote->session.address;

	a->outcome->host.len = a->outcome->address.len = 0;
	stralloc_catb(&a->outcome->host, host->name.text, host->name.len);
	stralloc_cats(&a->outcome->address, address);
}

/* Whether the failure to connect says something about us and not about the host. */
static int
is_our_trouble(int error)
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

static enum transaction_end
not_connected(struct attempt *a, struct mailhost const *host)
{
	int ours = is_our_trouble(errno);
	char const *error = strerror(errno);
	char port[16] = "", text[256];

	if (host->port)
		snprintf(port, sizeof port, " port %u", (unsigned)host->port);
	snprintf(text, sizeof text, "Unable to connect to %s%s: %s.", a->remote->session.address,
		port, error);
	words_say(&a->outcome->message, ours ? VERDICT_TROUBLE : VERDICT_DEFERRED, text, "4.4.1");
	a->reached = ours ? REACHED_NOTHING : REACHED_NO_HOST;
	return TRANSACTION_NEXT;
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

/* Only a worker that is new may do what a changed route demands. */
static enum transaction_end
not_allowed(struct attempt *a)
{
	a->outcome->settings_refused = 1;
	words_say(&a->outcome->message, VERDICT_TROUBLE,
		"This process may not use the Unix socket that the route now leads to.", "4.3.5");
	a->reached = REACHED_NOTHING;
	return TRANSACTION_NEXT;
}

static enum transaction_end
host_try_once(struct attempt *a, struct mailhost const *host)
{
	struct remote *r = a->remote;
	enum phase phase;
	enum sense sense;

	a->unwelcome = 0;
	if (host->port == 0 && !r->may_use_sockets)
		return not_allowed(a);
	if (session_connect(&r->session, host, route_source(&a->match.route, &host->address),
		    &r->settings) == -1) {
		reached_note(a);
		return not_connected(a, host);
	}
	a->reached = REACHED_HOST;
	reached_note(a);
	sense = connect_and_greet(a, host, &phase);
	if (sense != SENSE_YES)
		return not_greeted(a, sense, phase);
	return transaction_run(&r->session, a->job, &r->source, a->outcome);
}

/* A host that takes only so much in one session has another one for the rest. */
static enum transaction_end
host_try(struct attempt *a, struct mailhost const *host)
{
	enum transaction_end end;

	while ((end = host_try_once(a, host)) == TRANSACTION_AGAIN)
		session_quit(&a->remote->session);
	return end;
}

/*
 * Tries one after the other. When none decides, the most telling answer
 * stands; it is final when every one of the best hosts wants no mail at all.
 */
static void
hosts_try(struct attempt *a)
{
	struct mailhosts const *hosts = &a->remote->hosts;
	struct outcome *outcome = a->outcome;
	struct answer best = outcome->message;
	stralloc host = STRALLOC_ZERO, address = STRALLOC_ZERO;
	enum reached best_reached = REACHED_NOTHING;
	int all_unwelcome = 1;

	for (size_t i = 0; i < hosts->length; i++) {
		if (host_try(a, &hosts->host[i]) == TRANSACTION_DONE)
			goto done;
		if (hosts->host[i].rank == hosts->host[0].rank)
			all_unwelcome &= a->unwelcome;
		if (i > 0 && a->reached < best_reached)
			continue;
		best_reached = a->reached;
		best = outcome->message;
		stralloc_copy(&host, &outcome->host);
		stralloc_copy(&address, &outcome->address);
	}
	outcome->message = best;
	if (all_unwelcome)
		outcome->message.verdict = VERDICT_FAILED;
	stralloc_copy(&outcome->host, &host);
	stralloc_copy(&outcome->address, &address);
done:
	stralloc_free(&host);
	stralloc_free(&address);
}

static void
dns_trace(void *context, char const *line)
{
	(void)context;
	trace_lines("dns", ":", span_string(line));
}

/* Finds the hosts. Returns 0; or -1 with the answer. */
static int
hosts_find(struct attempt *a)
{
	struct remote *r = a->remote;

	why.len = 0;
	errno = 0;
	if (resolver_open(&r->resolver, &why) == -1) {
		trouble_settings(a->outcome);
		return -1;
	}
	if (trace_is_on())
		r->resolver.trace = dns_trace;
	a->outcome->asked = 0;
	switch (mailhosts_find(&r->hosts, &r->resolver, a->job->destination, &a->match.route,
		&r->settings.mailhosts, &why)) {
	case MAILHOSTS_FOUND: return 0;
	case MAILHOSTS_TROUBLE: trouble(a->outcome, r->hosts.code); break;
	case MAILHOSTS_PERMANENT:
		words_say(&a->outcome->message, VERDICT_FAILED, why_string(), r->hosts.code);
		break;
	}
	return -1;
}

static int
source_describe(stralloc *out, struct route const *route)
{
	for (int family = 0; family < ROUTE_FAMILIES; family++) {
		char text[NETADDRESS_TEXT_MAX] = "";

		if (route->bound[family])
			netaddress_format(text, &route->source[family]);
		if (!text_append(out, text, " ", (char *)0))
			return 0;
	}
	return stralloc_catb(out, route->helo.s, route->helo.len);
}

/* Writes down where a route leads, and from where, to see whether it still does. Returns 1, or 0.
 */
static int
route_describe(stralloc *out, struct route const *route)
{
	out->len = 0;
	for (size_t i = 0; i < route->relays; i++) {
		struct relay const *relay = &route->relay[i];

		if (!relay_describe(out, relay) || !text_append(out, " ", (char *)0) ||
			!text_append_number(out, relay->rank) || !text_append(out, "\n", (char *)0))
			return 0;
	}
	return source_describe(out, route);
}

/* Whether the open session may carry this job: same route, not old, still there. */
static int
session_is_usable(struct remote *r, stralloc const *route)
{
	return r->session.is_open &&
	       span_equal(span(r->route.s, r->route.len), span(route->s, route->len)) &&
	       session_has_room(&r->session) && session_is_fresh(&r->session);
}

/* A session that is in use is worth more than a look at each setting for each message. */
static int
routes_look(struct remote *r)
{
	int64_t now = clock_monotonic();

	if (r->session.is_open && now - r->routes_read < ROUTES_AGE_MAX)
		return 0;
	if (routes_refresh(&r->routes, &why) == -1)
		return -1;
	r->routes_read = now;
	return 0;
}

static int
leads_to_socket(struct span value)
{
	static struct route route;
	char const *reason;

	if (route_parse(&route, value, &reason) == -1)
		return 0;
	for (size_t i = 0; i < route.relays; i++)
		if (route.relay[i].port == 0)
			return 1;
	return 0;
}

/* Whether mail for the destination may have to go to a Unix socket, whoever sends it. */
static int
needs_sockets(struct routes const *routes, struct span destination)
{
	struct domainmap_entry entry;

	if (leads_to_socket(span_trim(span(routes->relayhost.s, routes->relayhost.len))))
		return 1;
	for (size_t i = 0; domainmap_entry_at(&routes->senders, i, &entry); i++)
		if (leads_to_socket(entry.value))
			return 1;
	if (routetable_exact(&routes->table, SPAN_LITERAL("!@"), &entry, &why) == 1 &&
		leads_to_socket(entry.value))
		return 1;
	return routetable_find(&routes->table, destination, &entry, &why) == 1 &&
	       leads_to_socket(entry.value);
}

void
remote_confine(struct remote *r, struct span destination)
{
	/* What is wrong with the routes is told when there is a message for them. */
	r->may_use_sockets =
		routes_refresh(&r->routes, &why) == 0 && needs_sockets(&r->routes, destination);
	confinement_enter(r->may_use_sockets ? CONFINEMENT_REMOTE_SOCKETS : CONFINEMENT_REMOTE);
}

/* The name to say: the route's, else ours. Returns 1, or 0 without memory. */
static int
helo_set(struct remote *r, struct route const *route)
{
	struct span ours = span(r->settings.helohost.s, r->settings.helohost.len);
	struct span name = route->helo.len ? route->helo : ours;

	return stralloc_copyb(&r->helo, name.s, name.len) && stralloc_0(&r->helo);
}

static void
attempt_anew(struct attempt *a, stralloc const *route)
{
	struct remote *r = a->remote;

	why.len = 0;
	errno = 0;
	if (settings_read(&r->settings, &why) == -1 || !stralloc_copy(&r->route, route) ||
		!helo_set(r, &a->match.route)) {
		trouble_settings(a->outcome);
		return;
	}
	trace_enable(r->settings.logdetail != 0 || r->session.is_trial);
	if (hosts_find(a) == 0)
		hosts_try(a);
}

void
remote_deliver(struct remote *r, struct job const *job, int fd, struct outcome *outcome)
{
	static stralloc route;
	struct attempt a = {.remote = r, .job = job, .outcome = outcome};

	outcome_start(outcome, job->recipients);
	trace_message(job->message);
	if (transaction_prepare(job, outcome) == 0)
		return;
	why.len = 0;
	errno = 0;
	if (routes_look(r) == -1 ||
		routes_find(&r->routes, job->sender, job->destination, &a.match, &why) == -1 ||
		!route_describe(&route, &a.match.route)) {
		trouble_settings(outcome);
		return;
	}
	source_init(&r->source, fd, job->length);
	if (session_is_usable(r, &route)) {
		reached_note(&a);
		/* What goes wrong with a session that waited a while says nothing of the host. */
		if (transaction_run(&r->session, job, &r->source, outcome) == TRANSACTION_DONE)
			return;
		outcome->host.len = outcome->address.len = 0;
	}
	session_quit(&r->session);
	attempt_anew(&a, &route);
}
