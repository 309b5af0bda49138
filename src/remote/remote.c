#include "remote/remote.h"

#include <errno.h>
#include <stdio.h>

#include "lib/clock.h"
#include "lib/text.h"
#include "policy/confinement.h"
#include "remote/attempt.h"
#include "remote/facts.h"
#include "remote/host.h"
#include "remote/trace.h"
#include "remote/words.h"

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
	resolver_open_later(&r->resolver);
	r->resolver.cache = &r->cache;
	if (trace_is_on())
		r->resolver.trace = dns_trace;
	a->outcome->asked = 0;
	facts_enter(FACTS_DNS);
	switch (mailhosts_find(&r->hosts, &r->resolver, a->job->destination, &a->match.route,
		&r->settings.mailhosts, &why)) {
	case MAILHOSTS_FOUND: return 0;
	case MAILHOSTS_TROUBLE:
		errno = r->resolver.unusable_error;
		if (r->resolver.unusable)
			trouble_settings(a->outcome);
		else
			trouble(a->outcome, r->hosts.code);
		break;
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
	       (!r->is_shared || r->session.messages < SHARED_MESSAGES_MAX) &&
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
	hosthealth_open(&r->health); /* without it nothing is remembered */
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

/* Settings that were good a moment ago need no look for each connection. */
static int
settings_look(struct remote *r)
{
	int64_t now = clock_monotonic();

	if (r->has_settings && now - r->settings_taken < SETTINGS_AGE_MAX)
		return 0;
	r->has_settings = 0;
	if (settings_read(&r->settings, &why) == -1)
		return -1;
	r->has_settings = 1;
	r->settings_taken = now;
	return 0;
}

static void
attempt_anew(struct attempt *a, stralloc const *route)
{
	struct remote *r = a->remote;

	why.len = 0;
	errno = 0;
	if (settings_look(r) == -1 || !stralloc_copy(&r->route, route) ||
		!helo_set(r, &a->match.route)) {
		trouble_settings(a->outcome);
		return;
	}
	trace_enable(r->settings.logdetail != 0 || r->session.is_trial);
	if (hosts_find(a) == -1)
		return;
	attempt_hosts(a);
}

void
remote_deliver(struct remote *r, struct job const *job, int fd, struct outcome *outcome)
{
	static stralloc route;
	struct attempt a = {.remote = r, .job = job, .outcome = outcome};

	outcome_start(outcome, job->recipients);
	facts_start();
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
		host_note(&a);
		/* What goes wrong with a session that waited a while says nothing of the host. */
		if (transaction_run(&r->session, job, &r->source, outcome) == TRANSACTION_DONE) {
			host_note_reply(&a);
			attempt_judge(&a, &r->session.host, TRANSACTION_DONE);
			return;
		}
		outcome_forget_host(outcome);
	}
	session_quit(&r->session);
	attempt_anew(&a, &route);
}
