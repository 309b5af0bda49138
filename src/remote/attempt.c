#include "remote/attempt.h"

#include <errno.h>
#include <string.h>

#include "lib/clock.h"
#include "net/connectrace.h"
#include "net/hostorder.h"
#include "remote/facts.h"
#include "remote/host.h"
#include "remote/words.h"

/* The most telling answer so far. */
struct telling {
	int any, all_unwelcome;
	uint16_t best_rank; /* of all hosts */
	enum reached reached;
	struct answer message;
	stralloc host, address;
	unsigned port, code;
	int tried[MAILHOSTS_MAX];
};

static void
telling_consider(struct telling *t, struct attempt const *a, struct mailhost const *host)
{
	struct outcome const *outcome = a->outcome;

	if (host->rank == t->best_rank)
		t->all_unwelcome &= a->unwelcome;
	if (t->any && a->reached < t->reached)
		return;
	t->any = 1;
	t->reached = a->reached;
	t->message = outcome->message;
	stralloc_copy(&t->host, &outcome->host);
	stralloc_copy(&t->address, &outcome->address);
	t->port = outcome->port;
	t->code = outcome->code;
}

static void
telling_conclude(struct telling const *t, struct outcome *outcome)
{
	outcome->message = t->message;
	if (t->all_unwelcome)
		outcome->message.verdict = VERDICT_FAILED;
	stralloc_copy(&outcome->host, &t->host);
	stralloc_copy(&outcome->address, &t->address);
	outcome->port = t->port;
	outcome->code = t->code;
}

static int64_t
now_seconds(void)
{
	return (int64_t)(clock_wall() / 1000000);
}

/* Of a host that has no equal and no alternative nothing needs to be known. */
static int
is_worth_remembering(struct attempt const *a)
{
	return a->remote->hosts.length > 1 || a->match.route.relays;
}

static void
host_failed(struct attempt const *a, struct mailhost const *host)
{
	if (is_worth_remembering(a))
		hosthealth_failed(&a->remote->health, &host->address, host->port, now_seconds());
}

/* A session that was lost, or that the host left, in the middle of a message. */
static int
is_lost(struct attempt const *a)
{
	return !a->remote->session.is_open && a->outcome->message.verdict == VERDICT_DEFERRED;
}

void
attempt_judge(struct attempt const *a, struct mailhost const *host, enum transaction_end end)
{
	if (end == TRANSACTION_NEXT || is_lost(a))
		host_failed(a, host);
	else
		hosthealth_forget(&a->remote->health, &host->address, host->port);
}

/*
 * A host whose pause is over is tried by one alone: until that one has
 * succeeded it counts as failed once more.
 */
static void
probe_announce(struct attempt const *a, struct mailhost const *host)
{
	struct hosthealth *health = &a->remote->health;

	if (a->remote->hosts.length > 1 && hosthealth_find(health, &host->address, host->port))
		host_failed(a, host);
}

static enum transaction_end
offer(struct attempt *a, struct telling *t, struct mailhost const *host)
{
	enum transaction_end end;

	a->remote->last = *host;
	end = host_offer(a, host);
	host_note_reply(a);
	attempt_judge(a, host, end);
	if (end == TRANSACTION_NEXT)
		telling_consider(t, a, host);
	return end;
}

/* Only a worker that is new may do what a changed route demands. */
static enum transaction_end
not_allowed(struct attempt *a, struct telling *t, struct mailhost const *host)
{
	a->outcome->settings_refused = 1;
	words_say(&a->outcome->message, VERDICT_TROUBLE,
		"This process may not use the Unix socket that the route now leads to.", "4.3.5");
	a->reached = REACHED_NOTHING;
	a->unwelcome = 0;
	telling_consider(t, a, host);
	return TRANSACTION_NEXT;
}

static enum transaction_end
socket_try(struct attempt *a, struct telling *t, struct mailhost const *host)
{
	struct remote *r = a->remote;

	if (!r->may_use_sockets)
		return not_allowed(a, t, host);
	if (session_connect(&r->session, host, NULL, &r->settings) == 0)
		return offer(a, t, host);
	host_not_connected(a, errno);
	telling_consider(t, a, host);
	return TRANSACTION_NEXT;
}

/* An address that could not be connected to is done with. */
static void
address_failed(struct attempt *a, struct telling *t, size_t i, int error)
{
	struct mailhost const *host = &a->remote->hosts.host[i];

	t->tried[i] = 1;
	session_not_connected(&a->remote->session, error);
	host_not_connected(a, error);
	if (!host_error_is_ours(error))
		host_failed(a, host);
	telling_consider(t, a, host);
}

/* Makes the session that of another address, unless it is already. */
static void
session_turn(struct remote *r, struct mailhost const *host)
{
	if (memcmp(&r->session.host.address, &host->address, sizeof host->address) != 0)
		session_begin(&r->session, host, &r->settings);
}

/* Tries the addresses of one relay or host: the first that can be connected to gets the mail. */
static enum transaction_end
addresses_try(struct attempt *a, struct telling *t, size_t first, size_t count)
{
	struct remote *r = a->remote;
	struct mailhost const *host = &r->hosts.host[first];
	struct connectrace racers[CONNECTRACE_MAX];
	size_t winner = 0;
	int fd;

	probe_announce(a, host);
	for (size_t i = 0; i < count; i++) {
		racers[i] = (struct connectrace){.address = &host[i].address,
			.local = route_source(&a->match.route, &host[i].address),
			.port = host[i].port};
	}
	session_begin(&r->session, host, &r->settings);
	fd = connect_race(racers, count, (int64_t)r->settings.timeout_connect * 1000, &winner);
	for (size_t i = 0; i < count; i++) {
		if (racers[i].error == EINPROGRESS) {
			host_failed(a, &host[i]); /* it is slow, and may be tried once more */
		} else if (racers[i].error) {
			session_turn(r, &host[i]);
			address_failed(a, t, first + i, racers[i].error);
		}
	}
	if (fd == -1)
		return TRANSACTION_NEXT;
	t->tried[first + winner] = 1;
	session_turn(r, &host[winner]);
	session_connected(&r->session, fd);
	return offer(a, t, &host[winner]);
}

/* From the first on: the hosts that are addresses of the same one, and not yet tried. */
static size_t
addresses_count(struct mailhosts const *hosts, struct telling const *t, size_t first)
{
	struct mailhost const *host = &hosts->host[first];
	size_t count = 1;

	while (first + count < hosts->length && count < CONNECTRACE_MAX &&
		!t->tried[first + count] && host[count].rank == host[0].rank &&
		hostorder_is_same(&host[count], &host[0]))
		count++;
	return count;
}

static enum transaction_end
hosts_try(struct attempt *a, struct telling *t)
{
	struct mailhosts const *hosts = &a->remote->hosts;
	size_t i = 0;

	while (i < hosts->length) {
		enum transaction_end end;

		if (t->tried[i]) {
			i++;
			continue;
		}
		facts_enter(FACTS_CONNECT);
		if (hosts->host[i].port == 0) {
			t->tried[i] = 1;
			end = socket_try(a, t, &hosts->host[i]);
		} else {
			end = addresses_try(a, t, i, addresses_count(hosts, t, i));
		}
		if (end == TRANSACTION_DONE)
			return end;
	}
	return TRANSACTION_NEXT;
}

void
attempt_hosts(struct attempt *a)
{
	struct remote *r = a->remote;
	struct telling t = {.all_unwelcome = 1, .best_rank = UINT16_MAX};

	hosthealth_read(&r->health);
	r->is_shared =
		hostorder(&r->hosts, &r->health, &r->last, now_seconds()) && a->match.route.relays;
	for (size_t i = 0; i < r->hosts.length; i++)
		if (r->hosts.host[i].rank < t.best_rank)
			t.best_rank = r->hosts.host[i].rank;
	if (hosts_try(a, &t) == TRANSACTION_NEXT)
		telling_conclude(&t, a->outcome);
	stralloc_free(&t.host);
	stralloc_free(&t.address);
}
