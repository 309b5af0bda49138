#include "wire/route.h"

#include "lib/netaddress.h"
#include "lib/number.h"
#include "lib/text.h"
#include "wire/dnsmessage.h"

static int
wrong(char const **reason, char const *text)
{
	*reason = text;
	return -1;
}

static int
port_parse(struct relay *relay, struct span text, char const **reason)
{
	uint64_t port;

	if (number_parse(text, UINT16_MAX, &port) == -1 || port == 0)
		return wrong(reason, "the port is not a number from 1 to 65535");
	relay->port = (uint16_t)port;
	return 0;
}

/* What stands in brackets is an address; it may hold colons. */
static int
bracket_parse(struct relay *relay, struct span text, char const **reason)
{
	size_t end = span_find(text, ']');
	struct netaddress address;
	struct span rest;

	if (end == text.len)
		return wrong(reason, "a bracket is not closed");
	relay->host = span(text.s + 1, end - 1);
	if (netaddress_parse(&address, relay->host) == -1)
		return wrong(reason, "what stands in brackets is not an address");
	rest = span(text.s + end + 1, text.len - end - 1);
	if (rest.len == 0)
		return 0;
	if (rest.s[0] != ':')
		return wrong(reason, "after a bracket only a colon and a port may follow");
	return port_parse(relay, span(rest.s + 1, rest.len - 1), reason);
}

int
relay_parse(struct relay *relay, struct span text, uint16_t port_default, char const **reason)
{
	struct dns_name name;
	size_t colon;

	relay->port = port_default;
	relay->rank = 0;
	relay->protocol = RELAY_SMTP;
	if (text.len && text.s[0] == '[')
		return bracket_parse(relay, text, reason);
	colon = span_find(text, ':');
	relay->host = span(text.s, colon);
	if (relay->host.len == 0)
		return wrong(reason, "a relay is missing");
	if (dns_name_parse(&name, relay->host) == -1)
		return wrong(reason, "the relay is not the name of a host");
	if (colon == text.len)
		return 0;
	text = span(text.s + colon + 1, text.len - colon - 1);
	if (span_find(text, ':') < text.len)
		return wrong(reason, "two colons: an IPv6 address must stand in brackets");
	return port_parse(relay, text, reason);
}

int
relay_describe(stralloc *out, struct relay const *relay)
{
	return text_append_clean(out, relay->host) &&
	       (relay->port == 0 || (text_append(out, " port ", (char *)0) &&
					    text_append_number(out, relay->port))) &&
	       (relay->protocol == RELAY_SMTP || text_append(out, " by LMTP", (char *)0));
}

static int
path_parse(struct relay *relay, struct span path, char const **reason)
{
	for (size_t i = 0; i < path.len; i++)
		if (path.s[i] < '!' || path.s[i] > '~')
			return wrong(reason, "a path holds a byte that is not printable ASCII");
	if (path.len < 2 || path.len > ROUTE_PATH_MAX)
		return wrong(reason, "a path has 2 to 107 bytes");
	relay->host = path;
	relay->port = 0;
	relay->rank = 0;
	return 0;
}

/* A relay of a list, which may name its protocol; a mere number after that is a port. */
static int
relay_parse_any(struct relay *relay, struct span text, char const **reason)
{
	struct span const lmtp = SPAN_LITERAL("lmtp:");
	uint64_t number;
	struct span rest;
	int r;

	if (!span_case_starts(text, lmtp))
		return relay_parse(relay, text, ROUTE_PORT_DEFAULT, reason);
	rest = span(text.s + lmtp.len, text.len - lmtp.len);
	if (rest.len == 0 || number_parse(rest, UINT64_MAX, &number) == 0)
		return relay_parse(relay, text, ROUTE_PORT_DEFAULT, reason);
	r = rest.s[0] == '/' ? path_parse(relay, rest, reason)
			     : relay_parse(relay, rest, ROUTE_LMTP_PORT_DEFAULT, reason);
	relay->protocol = RELAY_LMTP;
	if (r == 0 && relay->port == ROUTE_PORT_DEFAULT)
		return wrong(reason, "port 25 is not for LMTP");
	return r;
}

/* What other programs that read such a file have in it. */
static int
is_dialect(struct span list, char const **reason)
{
	if (span_find(list, '|') < list.len)
		*reason = "a user and a password (after |) can not stand here";
	else if (span_find(list, ';') < list.len)
		*reason = "a port follows a colon, not a semicolon";
	else if (span_find(list, '=') < list.len)
		*reason = "an option stands after the relays and a blank";
	else
		return 0;
	return 1;
}

static int
relays_parse(struct route *route, struct span list, char const **reason)
{
	uint16_t rank = 0;
	int more;

	if (is_dialect(list, reason))
		return -1;
	do {
		size_t end = 0;

		while (end < list.len && list.s[end] != ',' && list.s[end] != '+')
			end++;
		if (route->relays == ROUTE_RELAYS_MAX)
			return wrong(reason, "more than 32 relays");
		if (relay_parse_any(&route->relay[route->relays], span(list.s, end), reason) == -1)
			return -1;
		route->relay[route->relays++].rank = rank;
		more = end < list.len;
		if (more) {
			rank = (uint16_t)(rank + (list.s[end] == ','));
			list = span(list.s + end + 1, list.len - end - 1);
		}
	} while (more);
	return 0;
}

static enum route_family
family_of(struct netaddress const *address)
{
	return netaddress_is_v4(address) ? ROUTE_V4 : ROUTE_V6;
}

static int
bind_parse(struct route *route, struct span value, char const **reason)
{
	struct netaddress address;
	enum route_family family;

	if (netaddress_parse(&address, value) == -1)
		return wrong(reason, "bind= is not followed by an address");
	family = family_of(&address);
	if (route->bound[family])
		return wrong(reason, "it has two bind= of one family");
	route->bound[family] = 1;
	route->source[family] = address;
	return 0;
}

static int
helo_parse(struct route *route, struct span value, char const **reason)
{
	struct dns_name name;

	if (dns_name_parse(&name, value) == -1)
		return wrong(reason, "helo= is not followed by the name of a host");
	if (route->helo.len)
		return wrong(reason, "it has two helo=");
	route->helo = value;
	return 0;
}

static struct {
	struct span name;
	int (*parse)(struct route *route, struct span value, char const **reason);
} const options[] = {
	{{"bind", 4}, bind_parse},
	{{"helo", 4}, helo_parse},
};

static int
option_parse(struct route *route, struct span option, char const **reason)
{
	size_t equal = span_find(option, '=');
	struct span name = span(option.s, equal);

	if (equal == option.len)
		return wrong(reason, "after a blank only option=value may follow");
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		if (span_equal(name, options[i].name))
			return options[i].parse(
				route, span(option.s + equal + 1, option.len - equal - 1), reason);
	return wrong(reason, "it has an option that is not known");
}

int
route_parse(struct route *route, struct span value, char const **reason)
{
	struct span relays = span_cut_word(&value);

	route->relays = 0;
	route->bound[ROUTE_V4] = route->bound[ROUTE_V6] = 0;
	route->helo = span(value.s, 0);
	if (relays.len && relays_parse(route, relays, reason) == -1)
		return -1;
	while (value.len)
		if (option_parse(route, span_cut_word(&value), reason) == -1)
			return -1;
	return 0;
}

struct netaddress const *
route_source(struct route const *route, struct netaddress const *to)
{
	enum route_family family = family_of(to);

	return route->bound[family] ? &route->source[family] : NULL;
}

int
route_allows(struct route const *route, struct netaddress const *to)
{
	int any = !route->bound[ROUTE_V4] && !route->bound[ROUTE_V6];

	return any || route->bound[family_of(to)];
}
