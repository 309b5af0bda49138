#include <stdint.h>

#include "policy/routes.h"
#include "tests/fuzz/home.h"

/* What is found can be used: relays within the limit, and a reason where there is none. */
static int
find(struct routes const *routes, struct span sender, struct span domain, struct route_match *match)
{
	stralloc why = STRALLOC_ZERO;
	int r = routes_find(routes, sender, domain, match, &why);

	if ((r == -1) != (why.len != 0))
		abort();
	stralloc_free(&why);
	if (r == 0 && (match->route.relays > ROUTE_RELAYS_MAX ||
			      (match->source != ROUTE_MX &&
				      (match->line == 0 || !route_source_file(match->source)))))
		abort();
	return r;
}

/*
 * The files, each ended by a byte 255 (one that begins with a NUL is not
 * there), a sender, a byte 255, and a domain.
 */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct span rest = span((char const *)data, size), sender;
	struct routes routes = ROUTES_ZERO;
	struct route_match match;
	stralloc why = STRALLOC_ZERO;

	home_enter();
	home_setting("control/relayhost", span_cut(&rest, '\xff'));
	home_setting("control/senderroutes", span_cut(&rest, '\xff'));
	home_setting("control/smtproutes", span_cut(&rest, '\xff'));
	sender = span_cut(&rest, '\xff');
	if (routes_refresh(&routes, &why) == 0) {
		find(&routes, sender, rest, &match);
		find(&routes, span(NULL, 0), rest, &match);
		find(&routes, span("", 0), rest, &match);
	} else if (why.len == 0) {
		abort();
	}
	routes_free(&routes);
	stralloc_free(&why);
	home_leave();
	return 0;
}
