#include "net/mailhosts.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/control.h"
#include "lib/text.h"
#include "net/hostsearch.h"

int
mailhosts_settings_read(struct mailhosts_settings *settings, stralloc *why)
{
	uint64_t port, loopback;

	settings->is_own_name = NULL;
	settings->context = NULL;
	settings->note = NULL;
	settings->note_context = NULL;
	if (control_number_read(&port, "smtpport", ROUTE_PORT_DEFAULT, 1, UINT16_MAX, why) == -1 ||
		control_number_read(&loopback, "allowloopback", 0, 0, 1, why) == -1)
		return -1;
	settings->port = (uint16_t)port;
	settings->allowloopback = loopback == 1;
	return 0;
}

/* Says in *why what is wrong with the destination, and sets the code. */
static enum mailhosts_result
give_up(struct mailhosts *list, enum mailhosts_result result, char const *code, stralloc *why,
	struct span destination, char const *text)
{
	list->code = code;
	text_append_clean(why, destination);
	stralloc_cats(why, text);
	return result;
}

static enum mailhosts_result
trouble(struct host_search *search, stralloc *why)
{
	search->list->code = "4.4.3";
	stralloc_cat(why, &search->trouble);
	return MAILHOSTS_TROUBLE;
}

/* The route allows IPv4 only, or IPv6 only: a setting, for which no mail bounces. */
static char const other_family[] =
	": no host has an address of the family that bind= of its route allows";

/* The name of a host, or the path of a socket. Returns 0, or -1 when DNS can not know it. */
static int
relay_name(struct dns_name *name, struct relay const *relay)
{
	if (relay->port)
		return dns_name_parse(name, relay->host);
	name->len = relay->host.len;
	memcpy(name->text, relay->host.s, name->len);
	name->text[name->len] = '\0';
	return 0;
}

/* A route's relays. Whatever is wrong with them, it is not the mail's fault. */
static enum mailhosts_result
relays_find(struct host_search *search, struct span destination, struct route const *route,
	stralloc *why)
{
	struct candidates candidates = {0};

	search->any_address = 1;
	search->list_max = MAILHOSTS_MAX;
	if (search->host_max > MAILHOSTS_MAX / route->relays)
		search->host_max = MAILHOSTS_MAX / route->relays;
	for (size_t i = 0; i < route->relays; i++) {
		struct relay const *relay = &route->relay[i];
		struct dns_name name;

		if (relay_name(&name, relay) == 0)
			candidates_add(
				&candidates, &name, relay->port, relay->rank, relay->protocol);
	}
	host_search_run(search, &candidates);
	if (search->list->length)
		return MAILHOSTS_FOUND;
	if (search->troubled)
		return trouble(search, why);
	return give_up(search->list, MAILHOSTS_TROUBLE, "4.4.4", why, destination,
		search->bound ? other_family : ": no relay of its route has an address");
}

/* An address in brackets (RFC 5321, 4.1.3). */
static enum mailhosts_result
literal_find(struct host_search *search, struct span destination, stralloc *why)
{
	struct span const tag = SPAN_LITERAL("IPv6:");
	struct mailhost *host = &search->list->host[0];
	struct span text = span(destination.s + 1, destination.len - 1);
	size_t end = span_find(text, ']');
	int good = end + 1 == text.len;

	text.len = end;
	if (span_case_starts(text, tag))
		text = span(text.s + tag.len, text.len - tag.len);
	good = good && netaddress_parse(&host->address, text) == 0 &&
	       dns_name_parse(&host->name, text) == 0;
	if (!good)
		return give_up(search->list, MAILHOSTS_PERMANENT, "5.1.2", why, destination,
			" is not an address");
	if (!host_search_usable(search, &host->address) && search->bound)
		return give_up(
			search->list, MAILHOSTS_TROUBLE, "4.4.4", why, destination, other_family);
	if (search->loop || search->dropped)
		return give_up(search->list, MAILHOSTS_PERMANENT, search->loop ? "5.4.6" : "5.4.4",
			why, destination,
			search->loop ? " is this host, but not in control/locals: mail loops back"
				     : " is not an address that mail can be sent to");
	host->port = search->settings->port;
	host->rank = 0;
	host->protocol = RELAY_SMTP;
	search->list->length = 1;
	return MAILHOSTS_FOUND;
}

/* Whether an MX may name it: an address or localhost is a mistake or a trick. */
static int
is_host_name(struct dns_name const *name)
{
	struct span const allowed =
		SPAN_LITERAL("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
	struct span text = span(name->text, name->len);
	struct span top = text;
	struct netaddress address;

	for (size_t i = 0; i < text.len; i++)
		if (span_find(allowed, text.s[i]) == allowed.len)
			return 0;
	if (span_find_last(text, '.') < text.len)
		top = span(text.s + span_find_last(text, '.') + 1,
			text.len - span_find_last(text, '.') - 1);
	return text.len && netaddress_parse(&address, text) == -1 &&
	       !span_case_equal(top, SPAN_LITERAL("localhost"));
}

static int
is_own_name(struct mailhosts_settings const *settings, struct dns_name const *name)
{
	return settings->is_own_name &&
	       settings->is_own_name(settings->context, span(name->text, name->len));
}

/* What the MX records of a domain say. */
enum mx { MX_SOME, MX_NONE, MX_NULL, MX_UNUSABLE, MX_OURSELVES, MX_TROUBLE };

static void
mx_note(struct host_search *search, struct dns_record const *record)
{
	struct dns_name const *name = &record->name;
	char line[DNS_NAME_TEXT_MAX + 100];

	snprintf(line, sizeof line, "MX %u %s%s", (unsigned)record->preference,
		name->len ? name->text : ".",
		name->len == 0 ? ": null"
		: is_own_name(search->settings, name)
			? ": this host; it and worse ones are left out"
		: is_host_name(name) ? ""
				     : ": not the name of a host; left out");
	host_search_note(search, line);
}

static enum mx
mx_read(struct host_search *search, struct candidates *candidates)
{
	struct dns_answer *answer = &search->resolver->answer;
	unsigned own = UINT16_MAX + 1u, null = 0, unusable = answer->ignored;
	struct dns_record record;

	while (dns_answer_next(answer, &record)) {
		mx_note(search, &record);
		if (record.name.len == 0) {
			null++;
		} else if (is_own_name(search->settings, &record.name)) {
			if (record.preference < own)
				own = record.preference;
		} else if (is_host_name(&record.name)) {
			candidates_add(candidates, &record.name, search->settings->port,
				record.preference, RELAY_SMTP);
		} else {
			unusable++;
		}
	}
	candidates_cut(candidates, own);
	if (candidates->length)
		return MX_SOME;
	if (own <= UINT16_MAX)
		return MX_OURSELVES;
	return null && !unusable ? MX_NULL : MX_UNUSABLE;
}

/* Asks for the MX; without any the host itself is the only one (RFC 5321, 5.1). */
static enum mx
mx_ask(struct host_search *search, struct dns_name const *domain, struct candidates *candidates)
{
	switch (resolver_ask(search->resolver, domain, DNS_MX, &search->trouble)) {
	case LOOKUP_TEMPORARY: search->troubled = 1; return MX_TROUBLE;
	case LOOKUP_FOUND: return mx_read(search, candidates);
	case LOOKUP_NO_DATA: search->exists = 1; break;
	case LOOKUP_NO_NAME: break; /* some servers say that and have an address all the same */
	}
	host_search_note(search, "no MX: the domain itself is the host");
	if (is_own_name(search->settings, domain))
		return MX_OURSELVES;
	candidates_add(candidates, domain, search->settings->port, 0, RELAY_SMTP);
	return MX_NONE;
}

static char const loops[] =
	": this host is its best mail host, but it is not in control/locals: mail loops back";

/* Why a domain with these MX has no address. */
static enum mailhosts_result
nothing_found(struct host_search *search, enum mx mx, struct span destination, stralloc *why)
{
	struct mailhosts *list = search->list;

	if (search->bound)
		return give_up(list, MAILHOSTS_TROUBLE, "4.4.4", why, destination, other_family);
	if (search->loop || mx == MX_OURSELVES)
		return give_up(list, MAILHOSTS_PERMANENT, "5.4.6", why, destination, loops);
	if (mx == MX_NULL)
		return give_up(list, MAILHOSTS_PERMANENT, "5.1.10", why, destination,
			" takes no mail: its MX is null");
	if (mx == MX_NONE && !search->exists)
		return give_up(
			list, MAILHOSTS_PERMANENT, "5.1.2", why, destination, " does not exist");
	if (mx == MX_UNUSABLE)
		return give_up(list, MAILHOSTS_PERMANENT, "5.4.4", why, destination,
			": its MX do not name a host");
	return give_up(list, MAILHOSTS_PERMANENT, "5.4.4", why, destination,
		search->dropped ? ": its mail hosts have no address that can be used"
				: ": its mail hosts have no address");
}

static enum mailhosts_result
domain_find(struct host_search *search, struct span destination, stralloc *why)
{
	struct candidates candidates = {0};
	struct dns_name domain;
	enum mx mx;

	if (dns_name_parse(&domain, destination) == -1)
		return give_up(search->list, MAILHOSTS_PERMANENT, "5.1.2", why, destination,
			" can not be the name of a domain");
	mx = mx_ask(search, &domain, &candidates);
	if (mx == MX_SOME || mx == MX_NONE)
		host_search_run(search, &candidates);
	if (search->list->length)
		return MAILHOSTS_FOUND;
	if (search->troubled)
		return trouble(search, why);
	return nothing_found(search, mx, destination, why);
}

enum mailhosts_result
mailhosts_find(struct mailhosts *list, struct resolver *resolver, struct span destination,
	struct route const *route, struct mailhosts_settings const *settings, stralloc *why)
{
	struct host_search search = {.list = list,
		.list_max = MAILHOSTS_MX_MAX,
		.host_max = MAILHOSTS_HOST_MAX,
		.resolver = resolver,
		.settings = settings,
		.route = route,
		.deadline = clock_monotonic() + MAILHOSTS_TIME_MAX};
	enum mailhosts_result result;

	list->length = 0;
	list->code = NULL;
	if (route && route->relays)
		result = relays_find(&search, destination, route, why);
	else if (destination.len && destination.s[0] == '[')
		result = literal_find(&search, destination, why);
	else
		result = domain_find(&search, destination, why);
	stralloc_free(&search.trouble);
	return result;
}
