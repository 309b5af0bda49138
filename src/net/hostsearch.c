#include "net/hostsearch.h"

#include <stdio.h>

#include <skalibs/random.h>

#include "lib/clock.h"
#include "net/ownaddress.h"

/* The records of one answer that are looked at. */
enum { RECORDS_MAX = 64 };

static int
candidate_before(struct candidate const *a, struct candidate const *b)
{
	return a->order != b->order ? a->order < b->order : a->random < b->random;
}

void
candidates_add(struct candidates *candidates, struct dns_name const *name, uint16_t port,
	uint16_t order, enum relay_protocol protocol)
{
	struct candidate added = {*name, port, order, 0, protocol};
	size_t i;

	random_buf((char *)&added.random, sizeof added.random);
	if (candidates->length < MAILHOSTS_NAMES_MAX)
		candidates->length++;
	else if (!candidate_before(&added, &candidates->entry[MAILHOSTS_NAMES_MAX - 1]))
		return;
	for (i = candidates->length - 1;
		i > 0 && candidate_before(&added, &candidates->entry[i - 1]); i--)
		candidates->entry[i] = candidates->entry[i - 1];
	candidates->entry[i] = added;
}

void
candidates_cut(struct candidates *candidates, unsigned order)
{
	while (candidates->length && candidates->entry[candidates->length - 1].order >= order)
		candidates->length--;
}

void
host_search_trouble(struct host_search *search, struct span text)
{
	if (!search->troubled)
		stralloc_catb(&search->trouble, text.s, text.len);
	search->troubled = 1;
}

struct addresses {
	size_t length;
	struct netaddress address[RECORDS_MAX];
};

/*
 * Asks for the addresses of one family. Returns how it went; those that are
 * not to be used are left out, and search->loop says when one is our own.
 */
static void
addresses_ask(struct host_search *search, struct dns_name const *name, enum dns_type type,
	struct addresses *addresses)
{
	struct dns_record record;
	stralloc why = STRALLOC_ZERO;
	enum lookup lookup = resolver_ask(search->resolver, name, type, &why);

	addresses->length = 0;
	if (lookup == LOOKUP_TEMPORARY)
		host_search_trouble(search, span(why.s, why.len));
	stralloc_free(&why);
	if (lookup == LOOKUP_FOUND || lookup == LOOKUP_NO_DATA)
		search->exists = 1;
	if (lookup != LOOKUP_FOUND)
		return;
	while (addresses->length < RECORDS_MAX &&
		dns_answer_next(&search->resolver->answer, &record)) {
		struct netaddress *address = &addresses->address[addresses->length];

		if (netaddress_of_bytes(address, record.data) == 0 &&
			host_search_usable(search, address))
			addresses->length++;
	}
	random_unsort((char *)addresses->address, addresses->length, sizeof(struct netaddress));
}

void
host_search_note(struct host_search *search, char const *line)
{
	if (search->settings->note)
		search->settings->note(search->settings->note_context, line);
}

/* Always 0. */
static int
unusable(struct host_search *search, struct netaddress const *address, char const *reason)
{
	char text[NETADDRESS_TEXT_MAX], line[NETADDRESS_TEXT_MAX + 80];

	netaddress_format(text, address);
	snprintf(line, sizeof line, "address %s is left out: %s", text, reason);
	host_search_note(search, line);
	return 0;
}

int
host_search_usable(struct host_search *search, struct netaddress const *address)
{
	if (search->route && !route_allows(search->route, address)) {
		search->bound = 1;
		return unusable(search, address, "not of the family of bind=");
	}
	if (search->any_address)
		return 1;
	switch (address_classify(address)) {
	case ADDRESS_PUBLIC: return 1;
	case ADDRESS_OWN:
		search->loop = 1;
		return unusable(search, address, "this machine; mail would loop");
	case ADDRESS_LOOPBACK:
		if (search->settings->allowloopback)
			return 1;
		break;
	case ADDRESS_UNUSABLE: break;
	}
	search->dropped = 1;
	return unusable(search, address, "mail can not be sent to such an address");
}

static void
list_add(struct host_search *search, struct candidate const *host, struct netaddress const *address,
	uint16_t rank)
{
	if (search->list->length < search->list_max)
		search->list->host[search->list->length++] =
			(struct mailhost){host->name, *address, host->port, rank, host->protocol};
}

static int
is_localhost(struct dns_name const *name)
{
	return span_case_equal(span(name->text, name->len), SPAN_LITERAL("localhost"));
}

/*
 * The addresses of one host, IPv6 and IPv4 in turn. What the administrator
 * named may be an address, or localhost (RFC 6761, 6.3: not a question for DNS).
 */
static void
host_addresses(struct host_search *search, struct candidate const *host, uint16_t rank)
{
	struct addresses v6 = {0}, v4 = {0};
	struct span text = span(host->name.text, host->name.len);
	size_t taken = 0;

	if (host->port == 0) {
		list_add(search, host, &v4.address[0], rank);
		return;
	}
	if (search->any_address && netaddress_parse(&v4.address[0], text) == 0) {
		v4.length = (size_t)host_search_usable(search, &v4.address[0]);
	} else if (search->any_address && is_localhost(&host->name)) {
		netaddress_parse(&v4.address[0], SPAN_LITERAL("127.0.0.1"));
		netaddress_parse(&v6.address[0], SPAN_LITERAL("::1"));
		v4.length = (size_t)host_search_usable(search, &v4.address[0]);
		v6.length = (size_t)host_search_usable(search, &v6.address[0]);
	} else {
		addresses_ask(search, &host->name, DNS_AAAA, &v6);
		addresses_ask(search, &host->name, DNS_A, &v4);
	}
	for (size_t i = 0; i < v6.length || i < v4.length; i++) {
		if (i < v6.length && taken < search->host_max) {
			list_add(search, host, &v6.address[i], rank);
			taken++;
		}
		if (i < v4.length && taken < search->host_max) {
			list_add(search, host, &v4.address[i], rank);
			taken++;
		}
	}
}

/* Whether there is time and room for another host. */
static int
may_go_on(struct host_search *search)
{
	if (search->list->length == search->list_max)
		return 0;
	if (clock_monotonic() < search->deadline)
		return 1;
	host_search_trouble(search, SPAN_LITERAL("DNS took too long"));
	return 0;
}

void
host_search_run(struct host_search *search, struct candidates const *candidates)
{
	uint16_t rank = 0;
	size_t i = 0;

	while (i < candidates->length && !search->loop && may_go_on(search)) {
		unsigned order = candidates->entry[i].order;
		size_t begin = search->list->length;

		for (; i < candidates->length && candidates->entry[i].order == order; i++)
			if (may_go_on(search))
				host_addresses(search, &candidates->entry[i], rank);
		if (search->loop)
			search->list->length = begin;
		rank++;
	}
}
