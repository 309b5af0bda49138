#include "wire/route.h"

#include "lib/netaddress.h"
#include "lib/number.h"
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

static int
relays_parse(struct route *route, struct span list, char const **reason)
{
	uint16_t rank = 0;
	int more;

	do {
		size_t end = 0;

		while (end < list.len && list.s[end] != ',' && list.s[end] != '+')
			end++;
		if (route->relays == ROUTE_RELAYS_MAX)
			return wrong(reason, "more than 32 relays");
		if (relay_parse(&route->relay[route->relays], span(list.s, end), ROUTE_PORT_DEFAULT,
			    reason) == -1)
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

int
route_parse(struct route *route, struct span value, char const **reason)
{
	size_t end = 0;
	struct span options;

	route->relays = 0;
	while (end < value.len && value.s[end] != ' ' && value.s[end] != '\t')
		end++;
	options = span_trim(span(value.s + end, value.len - end));
	if (options.len)
		return wrong(reason, span_find(options, '=') == options.len
					     ? "after a blank only option=value may follow"
					     : "it has an option that is not known");
	return end ? relays_parse(route, span(value.s, end), reason) : 0;
}
