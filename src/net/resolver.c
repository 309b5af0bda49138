#include "net/resolver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "net/dnsexchange.h"
#include "net/dnsservers.h"

enum { LINE_MAX_TRACE = 2 * DNS_NAME_TEXT_MAX + 400 }; /* records that do not fit are not shown */

static char const *
type_name(enum dns_type type)
{
	switch (type) {
	case DNS_A: return "A";
	case DNS_CNAME: return "CNAME";
	case DNS_PTR: return "PTR";
	case DNS_MX: return "MX";
	case DNS_TXT: return "TXT";
	case DNS_AAAA: return "AAAA";
	case DNS_TLSA: return "TLSA";
	}
	return "?";
}

static char const *
rcode_text(enum dns_rcode rcode)
{
	switch (rcode) {
	case DNS_NOERROR: return "no error";
	case DNS_FORMERR: return "FORMERR";
	case DNS_SERVFAIL: return "SERVFAIL";
	case DNS_NXDOMAIN: return "NXDOMAIN";
	case DNS_NOTIMP: return "NOTIMP";
	case DNS_REFUSED: return "REFUSED";
	}
	return "an unknown error code";
}

static void
server_text(char text[NETADDRESS_TEXT_MAX + 10], struct resolver_server const *server)
{
	char address[NETADDRESS_TEXT_MAX];
	int v4 = netaddress_is_v4(&server->address);

	netaddress_format(address, &server->address);
	snprintf(text, NETADDRESS_TEXT_MAX + 10, v4 ? "%s:%u" : "[%s]:%u", address, server->port);
}

static void
record_text(char text[DNS_NAME_TEXT_MAX + 10], struct dns_record const *record, enum dns_type type)
{
	struct netaddress address;

	if (type == DNS_MX)
		snprintf(text, DNS_NAME_TEXT_MAX + 10, "%u %s", (unsigned)record->preference,
			record->name.len ? record->name.text : ".");
	else if (netaddress_of_bytes(&address, record->data) == 0)
		netaddress_format(text, &address);
	else
		snprintf(text, DNS_NAME_TEXT_MAX + 10, "%s", record->name.text);
}

/* Puts the records behind what is in line. */
static void
records_append(char line[LINE_MAX_TRACE], struct dns_answer const *answer)
{
	struct dns_answer rest = *answer;
	char const *mark = ": ";
	size_t len = strlen(line);
	struct dns_record record;

	if (rest.type != DNS_MX && rest.type != DNS_A && rest.type != DNS_AAAA)
		return;
	while (dns_answer_next(&rest, &record)) {
		char text[DNS_NAME_TEXT_MAX + 10];
		int n;

		record_text(text, &record, rest.type);
		n = snprintf(line + len, LINE_MAX_TRACE - len, "%s%s", mark, text);
		if (n < 0 || (size_t)n >= LINE_MAX_TRACE - len)
			break;
		len += (size_t)n;
		mark = ", ";
	}
	line[len] = '\0';
}

/* Tells the log what was asked of whom, and with what result. */
static void
trace(struct resolver const *resolver, struct resolver_server const *server,
	struct dns_question const *question, char const *protocol, char const *failure)
{
	char line[LINE_MAX_TRACE], from[NETADDRESS_TEXT_MAX + 10];
	struct dns_answer const *answer = &resolver->answer;

	if (!resolver->trace)
		return;
	server_text(from, server);
	if (failure)
		snprintf(line, sizeof line, "dns %s %s from %s by %s: %s", question->name->text,
			type_name(question->type), from, protocol, failure);
	else
		snprintf(line, sizeof line,
			"dns %s %s from %s by %s: %s, %u records, %u ignored, %u links%s%s",
			question->name->text, type_name(question->type), from, protocol,
			rcode_text(answer->rcode), answer->records, answer->ignored, answer->links,
			answer->truncated ? ", truncated" : "",
			answer->authentic ? ", authentic" : "");
	if (!failure)
		records_append(line, answer);
	resolver->trace(resolver->trace_context, line);
}

static void
trace_cached(struct resolver const *resolver, struct dns_name const *name, enum dns_type type)
{
	char line[LINE_MAX_TRACE];

	if (!resolver->trace)
		return;
	snprintf(line, sizeof line, "dns %s %s: kept from before, %u records", name->text,
		type_name(type), resolver->answer.records);
	records_append(line, &resolver->answer);
	resolver->trace(resolver->trace_context, line);
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* What one server made of a question. */
enum reply {
	REPLY_GOOD,
	REPLY_FAILURE, /* it said that it will not or can not */
	REPLY_NONE     /* nothing of use: worth asking it once more */
};

static int
exchange(struct resolver *resolver, struct resolver_server const *server,
	struct dns_question const *question, int tcp, int64_t deadline)
{
	int64_t wait = clock_monotonic() + (tcp ? RESOLVER_WAIT_TCP : RESOLVER_WAIT);
	int r = (tcp ? dns_exchange_tcp : dns_exchange_udp)(
		resolver, server, question, earlier(wait, deadline));

	trace(resolver, server, question, tcp ? "tcp" : "udp", r == -1 ? strerror(errno) : NULL);
	return r;
}

/* Asks one server. *failure is what to say unless the reply is good. */
static enum reply
server_ask(struct resolver *resolver, struct resolver_server const *server,
	struct dns_question *question, int64_t deadline, char const **failure)
{
	struct dns_answer const *answer = &resolver->answer;
	int r = exchange(resolver, server, question, 0, deadline);

	if (r == 0 && question->edns &&
		(answer->rcode == DNS_FORMERR || answer->rcode == DNS_NOTIMP)) {
		question->edns = 0; /* RFC 6891, 7 */
		r = exchange(resolver, server, question, 0, deadline);
	}
	if (r == 0 && answer->truncated)
		r = exchange(resolver, server, question, 1, deadline);
	if (r == -1) {
		*failure = errno == EBADMSG ? "what came is no answer" : strerror(errno);
		return REPLY_NONE;
	}
	if (answer->rcode != DNS_NOERROR && answer->rcode != DNS_NXDOMAIN) {
		*failure = rcode_text(answer->rcode);
		return REPLY_FAILURE;
	}
	if (answer->referral) {
		*failure = "it does not answer for other servers (no recursion)";
		return REPLY_FAILURE;
	}
	return REPLY_GOOD;
}

static void
complain(stralloc *why, struct dns_name const *name, enum dns_type type,
	struct resolver_server const *server, char const *failure)
{
	char line[LINE_MAX_TRACE], from[NETADDRESS_TEXT_MAX + 10];

	server_text(from, server);
	snprintf(line, sizeof line, "DNS gave no answer for %s %s: %s: %s", name->text,
		type_name(type), from, failure);
	stralloc_cats(why, line);
}

/*
 * Asks the servers in turn, the one that answered last first, until one
 * answers. The second round does without EDNS, which some middlebox may have
 * dropped. A server that refused is not asked again.
 */
static int
servers_ask(struct resolver *resolver, struct dns_name const *name, enum dns_type type,
	int64_t deadline, stralloc *why)
{
	int refused[RESOLVER_SERVERS_MAX] = {0};
	struct resolver_server const *last = &resolver->server[resolver->preferred];
	char const *failure = "no time left";

	for (unsigned turn = 0; turn < RESOLVER_ROUNDS * resolver->servers; turn++) {
		size_t i = (resolver->preferred + turn) % resolver->servers;
		struct dns_question question = {name, type, turn < resolver->servers};
		enum reply reply;

		if (refused[i])
			continue;
		if (clock_monotonic() >= deadline)
			break;
		last = &resolver->server[i];
		reply = server_ask(resolver, last, &question, deadline, &failure);
		if (reply == REPLY_GOOD) {
			resolver->preferred = i;
			return 0;
		}
		refused[i] = reply == REPLY_FAILURE;
	}
	complain(why, name, type, last, failure);
	return -1;
}

/* Takes the answer from the cache, or asks the servers. Returns 0, or -1 with *why. */
static int
answer_get(struct resolver *resolver, struct dns_name const *name, enum dns_type type,
	int64_t deadline, stralloc *why)
{
	if (resolver->cache &&
		dnscache_get(resolver->cache, name, type, &resolver->answer, clock_monotonic())) {
		trace_cached(resolver, name, type);
		return 0;
	}
	if (resolver_servers_need(resolver, why) == -1 ||
		servers_ask(resolver, name, type, deadline, why) == -1)
		return -1;
	if (resolver->cache)
		dnscache_put(resolver->cache, name, type, &resolver->answer, clock_monotonic());
	return 0;
}

enum lookup
resolver_ask(
	struct resolver *resolver, struct dns_name const *name, enum dns_type type, stralloc *why)
{
	int64_t deadline = clock_monotonic() + RESOLVER_QUESTION_MAX;
	struct dns_name current = *name;

	for (unsigned links = 0; links <= DNS_LINKS_MAX; links += resolver->answer.links) {
		if (answer_get(resolver, &current, type, deadline, why) == -1)
			return LOOKUP_TEMPORARY;
		if (resolver->answer.rcode == DNS_NXDOMAIN)
			return LOOKUP_NO_NAME;
		if (resolver->answer.records || resolver->answer.ignored)
			return LOOKUP_FOUND;
		if (resolver->answer.links == 0)
			return LOOKUP_NO_DATA;
		current = resolver->answer.name;
	}
	complain(why, name, type, &resolver->server[resolver->preferred], "too many CNAMEs");
	return LOOKUP_TEMPORARY;
}
