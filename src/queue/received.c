#include "queue/received.h"

#include <arpa/inet.h>

#include "lib/clock.h"
#include "lib/text.h"

enum { PROTOCOL_MAX = 20 };

static int
is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Whether s is letters, digits and those other bytes. */
static int
consists_of(struct span s, char const *others)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_alphanumeric(s.s[i]) && (s.s[i] == '\0' || !strchr(others, s.s[i])))
			return 0;
	return s.len > 0;
}

int
received_name_is_plausible(struct span s)
{
	if (s.len > RECEIVED_NAME_MAX)
		return 0;
	if (s.len > 2 && s.s[0] == '[' && s.s[s.len - 1] == ']')
		return consists_of(span(s.s + 1, s.len - 2), ".:-");
	return consists_of(s, ".-_");
}

/* AF_INET, AF_INET6, or -1 when it is no address. */
static int
address_family(struct span address)
{
	unsigned char binary[sizeof(struct in6_addr)];
	char text[INET6_ADDRSTRLEN];

	if (address.len == 0 || address.len >= sizeof text ||
		span_find(address, '\0') < address.len)
		return -1;
	memcpy(text, address.s, address.len);
	text[address.len] = '\0';
	if (inet_pton(AF_INET, text, binary) == 1)
		return AF_INET;
	return inet_pton(AF_INET6, text, binary) == 1 ? AF_INET6 : -1;
}

/* RFC 5321, 4.4: the name that the client gave, and in a comment where it really is. */
static int
from_client(stralloc *sa, struct origin const *origin)
{
	int family = address_family(origin->address);
	struct span helo =
		received_name_is_plausible(origin->helo) ? origin->helo : SPAN_LITERAL("unknown");

	if (!stralloc_cats(sa, "from ") || !stralloc_catb(sa, helo.s, helo.len))
		return 0;
	if (family == -1)
		return 1;
	if (!stralloc_cats(sa, " ("))
		return 0;
	if (received_name_is_plausible(origin->name) &&
		(!stralloc_catb(sa, origin->name.s, origin->name.len) || !stralloc_cats(sa, " ")))
		return 0;
	return stralloc_cats(sa, family == AF_INET ? "[" : "[IPv6:") &&
	       stralloc_catb(sa, origin->address.s, origin->address.len) && stralloc_cats(sa, "])");
}

/* RFC 5322, 3.6.7: a comment, which filters know from qmail to be no relay. */
static int
from_process(stralloc *sa, struct origin const *origin, uint64_t pid)
{
	if (!stralloc_cats(sa, "(tern ") || !text_append_number(sa, pid) ||
		!stralloc_cats(sa, " invoked "))
		return 0;
	switch (origin->kind) {
	case ORIGIN_NETWORK: return stralloc_cats(sa, "from network)");
	case ORIGIN_BOUNCE: return stralloc_cats(sa, "for bounce)");
	case ORIGIN_ALIAS: return stralloc_cats(sa, "by alias)");
	case ORIGIN_LOCAL: break;
	}
	return stralloc_cats(sa, "by uid ") && text_append_number(sa, origin->uid) &&
	       stralloc_cats(sa, ")");
}

int
received_append(stralloc *sa, struct origin const *origin, struct span me, uint64_t pid,
	uint64_t id, time_t when)
{
	struct span protocol = origin->protocol;
	char date[DATE_MAX];

	if (!stralloc_cats(sa, "Received: "))
		return 0;
	if (origin->kind == ORIGIN_NETWORK && origin->address.len ? !from_client(sa, origin)
								  : !from_process(sa, origin, pid))
		return 0;
	if (!stralloc_cats(sa, "\n  by ") || !stralloc_catb(sa, me.s, me.len))
		return 0;
	if (origin->kind == ORIGIN_NETWORK && protocol.len <= PROTOCOL_MAX &&
		consists_of(protocol, "-"))
		if (!stralloc_cats(sa, " with ") || !stralloc_catb(sa, protocol.s, protocol.len))
			return 0;
	clock_date(date, when);
	return stralloc_cats(sa, " id ") && text_append_number(sa, id) &&
	       text_append(sa, ";\n  ", date, "\n", (char const *)NULL);
}

struct span
origin_via(struct origin const *origin)
{
	switch (origin->kind) {
	case ORIGIN_NETWORK: return SPAN_LITERAL("network");
	case ORIGIN_BOUNCE: return SPAN_LITERAL("bounce");
	case ORIGIN_LOCAL:
	case ORIGIN_ALIAS: break;
	}
	return SPAN_LITERAL("local");
}
