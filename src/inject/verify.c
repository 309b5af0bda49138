/* sendmail -bv: where would it go? By the same modules that decide it when mail is sent. */
#include <stdio.h>
#include <stdlib.h>

#include "inject/actions.h"
#include "inject/fail.h"
#include "inject/send.h"
#include "lib/exits.h"
#include "lib/text.h"
#include "policy/domains.h"
#include "policy/routes.h"

static void
check(int good)
{
	if (!good)
		fail_memory();
}

static void
relays_append(stralloc *line, struct route const *route)
{
	for (size_t i = 0; i < route->relays; i++) {
		struct relay const *r = &route->relay[i];

		if (i)
			check(stralloc_cats(line, r->rank == r[-1].rank ? " or " : ", then "));
		check(relay_describe(line, r));
	}
}

static void
route_append(stralloc *line, struct routes const *routes, struct span domain)
{
	struct route_match match;
	stralloc why = STRALLOC_ZERO;

	if (routes_find(routes, span(NULL, 0), domain, &match, &why) == -1) {
		check(stralloc_cats(line, "waits: ") && stralloc_catb(line, why.s, why.len));
	} else if (match.route.relays == 0) {
		check(stralloc_cats(line, "the mail hosts of ") && text_append_clean(line, domain));
	} else {
		relays_append(line, &match.route);
		check(stralloc_cats(line, match.source == ROUTE_RELAYHOST
						  ? " (control/relayhost"
						  : " (control/smtproutes:") &&
			(match.source == ROUTE_RELAYHOST || text_append_number(line, match.line)) &&
			stralloc_cats(line, ")"));
	}
	stralloc_free(&why);
}

static void
recipient_explain(struct domains const *domains, struct routes const *routes, struct span recipient)
{
	stralloc address = STRALLOC_ZERO, line = STRALLOC_ZERO;
	struct span domain;
	int kind = domains_route(domains, recipient, &address, &domain);

	check(kind != -1 && text_append_clean(&line, recipient));
	if (kind == ADDRESS_LOCAL)
		check(stralloc_cats(&line, ": delivered here as ") &&
			text_append_clean(&line, span(address.s, address.len)));
	else {
		check(stralloc_cats(&line, ": sent by SMTP to "));
		route_append(&line, routes, domain);
	}
	check(stralloc_0(&line));
	puts(line.s);
	stralloc_free(&address);
	stralloc_free(&line);
}

void
action_verify(char *const *addresses, struct names const *names)
{
	struct domains domains = DOMAINS_ZERO;
	struct routes routes = ROUTES_ZERO;
	stralloc recipients = STRALLOC_ZERO, why = STRALLOC_ZERO;
	struct span rest;

	if (!*addresses)
		fail(FAIL_USAGE, "-bv needs an address", (char *)NULL);
	for (; *addresses; addresses++)
		send_recipient_read(&recipients, *addresses, 1, names);
	if (domains_load(&domains, &why) == -1 || routes_refresh(&routes, &why) == -1) {
		check(stralloc_0(&why));
		fail(FAIL_CONFIG, why.s, (char *)NULL);
	}
	rest = span(recipients.s, recipients.len);
	while (rest.len)
		recipient_explain(&domains, &routes, span_cut(&rest, '\0'));
	exit(fflush(stdout) == 0 ? EXIT_OK : fail_code(FAIL_IO));
}
