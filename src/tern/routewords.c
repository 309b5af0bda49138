#include "tern/routewords.h"

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "lib/text.h"

static void
check(int good)
{
	if (!good)
		strerr_diefusys(EXIT_TEMPORARY, "get memory");
}

void
routewords_target(stralloc *out, struct route const *route)
{
	if (route->relays == 0)
		check(stralloc_cats(out, "the mail hosts in DNS"));
	for (size_t i = 0; i < route->relays; i++) {
		struct relay const *relay = &route->relay[i];

		if (i)
			check(stralloc_cats(
				out, relay->rank == relay[-1].rank ? " or " : ", then "));
		check(relay_describe(out, relay));
	}
	for (int i = 0; i < ROUTE_FAMILIES; i++) {
		char address[NETADDRESS_TEXT_MAX];

		netaddress_format(address, &route->source[i]);
		check(!route->bound[i] || text_append(out, " from ", address, (char *)0));
	}
	check(!route->helo.len ||
		(stralloc_cats(out, " as ") && text_append_clean(out, route->helo)));
}

struct span
routewords_address(struct span text)
{
	if (text.len > 1 && text.s[0] == '<' && text.s[text.len - 1] == '>')
		return span(text.s + 1, text.len - 2);
	return text;
}

int
routewords_pair(struct span line, struct span *sender, struct span *recipient)
{
	struct span first, rest;

	while (line.len && (line.s[line.len - 1] == '\n' || line.s[line.len - 1] == '\r'))
		line.len--;
	rest = span_trim(line);
	first = span_cut_word(&rest);
	*sender = rest.len ? routewords_address(first) : span(NULL, 0);
	*recipient = routewords_address(rest.len ? rest : first);
	return first.len > 0;
}
