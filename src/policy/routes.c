#include "policy/routes.h"

#include <string.h>

#include "lib/control.h"

static int
senders_refresh(struct routes *routes, stralloc *why)
{
	struct filestamp now = filestamp_take("control/senderroutes");

	if (filestamp_same(routes->senders_stamp, now))
		return 0;
	if (domainmap_load(&routes->senders, "senderroutes", DOMAINMAP_VALUES, why) == -1)
		return -1;
	routes->senders_stamp = now;
	return 0;
}

static int
relayhost_refresh(struct routes *routes, stralloc *why)
{
	struct filestamp now = filestamp_take("control/relayhost");
	stralloc value = STRALLOC_ZERO;

	if (filestamp_same(routes->relayhost_stamp, now))
		return 0;
	if (control_value_read(&value, "relayhost", NULL, why) == -1) {
		stralloc_free(&value);
		return -1;
	}
	stralloc_free(&routes->relayhost);
	routes->relayhost = value;
	routes->relayhost_stamp = now;
	return 0;
}

int
routes_refresh(struct routes *routes, stralloc *why)
{
	return relayhost_refresh(routes, why) == -1 || senders_refresh(routes, why) == -1
		       ? -1
		       : routetable_refresh(&routes->table, why);
}

char const *
route_source_file(enum route_source source)
{
	switch (source) {
	case ROUTE_SMTPROUTES: return "smtproutes";
	case ROUTE_RELAYHOST: return "relayhost";
	case ROUTE_SENDERROUTES: return "senderroutes";
	case ROUTE_MX: break;
	}
	return NULL;
}

static int
value_parse(struct route *route, char const *file, unsigned line, struct span value, stralloc *why)
{
	char const *reason;

	if (route_parse(route, value, &reason) == -1)
		return control_complain(why, file, line, reason, value);
	return 0;
}

/* The whole sender, its domain with an @, the suffixes of that, the empty key. */
static int
sender_find(struct domainmap const *map, struct span sender, struct domainmap_entry *entry)
{
	struct span domain;
	size_t at;

	if (sender.len == 0 || map->entries == 0)
		return 0;
	at = span_find_last(sender, '@');
	domain = span(sender.s + at, sender.len - at);
	if (domainmap_exact(map, sender, entry) || domainmap_exact(map, domain, entry))
		return 1;
	if (domain.len)
		domain = span(domain.s + 1, domain.len - 1);
	for (size_t i = 0; i < domain.len; i++)
		if (domain.s[i] == '.' &&
			domainmap_exact(map, span(domain.s + i, domain.len - i), entry))
			return 1;
	return domainmap_exact(map, span("", 0), entry);
}

static int
table_find(struct routes const *routes, struct span sender, struct span domain,
	struct domainmap_entry *entry, stralloc *why)
{
	int r = 0;

	if (sender.s && sender.len == 0)
		r = routetable_exact(&routes->table, SPAN_LITERAL("!@"), entry, why);
	return r ? r : routetable_find(&routes->table, domain, entry, why);
}

/* What the sender's line says of the source address and the name goes before the other. */
static void
options_override(struct route *route, struct route const *by)
{
	if (by->bound[ROUTE_V4] || by->bound[ROUTE_V6])
		for (int family = 0; family < ROUTE_FAMILIES; family++) {
			route->bound[family] = by->bound[family];
			route->source[family] = by->source[family];
		}
	if (by->helo.len)
		route->helo = by->helo;
}

int
routes_find(struct routes const *routes, struct span sender, struct span domain,
	struct route_match *match, stralloc *why)
{
	struct domainmap_entry entry;
	struct route by_sender = {.relays = 0};
	int r;

	*match = (struct route_match){.source = ROUTE_MX};
	if (routes->relayhost.len) {
		match->source = ROUTE_RELAYHOST;
		match->line = 1;
		return value_parse(&match->route, "relayhost", 1,
			span_trim(span(routes->relayhost.s, routes->relayhost.len)), why);
	}
	if (sender_find(&routes->senders, sender, &entry)) {
		match->sender_line = entry.line;
		if (value_parse(&by_sender, "senderroutes", entry.line, entry.value, why) == -1)
			return -1;
	}
	if (by_sender.relays) {
		match->source = ROUTE_SENDERROUTES;
		match->line = match->sender_line;
		match->route = by_sender;
		return 0;
	}
	r = table_find(routes, sender, domain, &entry, why);
	if (r == 1) {
		match->line = entry.line;
		r = value_parse(&match->route, "smtproutes", entry.line, entry.value, why);
		if (match->route.relays)
			match->source = ROUTE_SMTPROUTES;
	}
	options_override(&match->route, &by_sender);
	return r;
}

void
routes_free(struct routes *routes)
{
	routetable_free(&routes->table);
	domainmap_free(&routes->senders);
	stralloc_free(&routes->relayhost);
	*routes = (struct routes)ROUTES_ZERO;
}
