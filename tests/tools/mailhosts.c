/*
 * mailhosts [-v] DOMAIN...: not a test but a tool for tests. Prints what
 * net/mailhosts makes of each domain with the settings in ./control (dnsservers,
 * smtpport, allowloopback, smtproutes, relayhost, me, locals):
 *
 *   DOMAIN found
 *   DOMAIN NAME ADDRESS PORT RANK
 *   DOMAIN permanent|trouble CODE WHY
 *
 * -v also prints each question and answer, as "trace LINE".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/control.h"
#include "net/mailhosts.h"
#include "policy/routes.h"

static struct resolver resolver;

static void
die(stralloc const *why)
{
	fprintf(stderr, "mailhosts: fatal: %.*s\n", (int)why->len, why->s);
	exit(100);
}

static void
trace(void *context, char const *line)
{
	(void)context;
	printf("trace %s\n", line);
}

static int
is_own_name(void *context, struct span name)
{
	struct domainmap_entry entry;

	return domainmap_exact(context, name, &entry);
}

static void
show(char const *domain, struct routes const *routes, struct mailhosts_settings const *settings)
{
	static char const *const results[] = {"found", "permanent", "trouble"};
	struct mailhosts list;
	struct route_match match;
	stralloc why = STRALLOC_ZERO;
	enum mailhosts_result result;

	if (routes_find(routes, span(NULL, 0), span_string(domain), &match, &why) == -1)
		die(&why);
	result =
		mailhosts_find(&list, &resolver, span_string(domain), &match.route, settings, &why);
	if (result == MAILHOSTS_FOUND)
		printf("%s found\n", domain);
	else
		printf("%s %s %s %.*s\n", domain, results[result], list.code, (int)why.len, why.s);
	for (size_t i = 0; i < list.length; i++) {
		char address[NETADDRESS_TEXT_MAX];

		netaddress_format(address, &list.host[i].address);
		printf("%s %s %s %u %u\n", domain, list.host[i].name.text, address,
			list.host[i].port, list.host[i].rank);
	}
	stralloc_free(&why);
}

int
main(int argc, char **argv)
{
	struct mailhosts_settings settings;
	struct routes routes = ROUTES_ZERO;
	struct domainmap locals = DOMAINMAP_ZERO;
	stralloc why = STRALLOC_ZERO;
	int first = 1;

	if (resolver_open(&resolver, &why) == -1 ||
		mailhosts_settings_read(&settings, &why) == -1 ||
		routes_refresh(&routes, &why) == -1 ||
		domainmap_load(&locals, "locals", DOMAINMAP_KEYS, &why) == -1)
		die(&why);
	settings.is_own_name = is_own_name;
	settings.context = &locals;
	if (argc > 1 && strcmp(argv[1], "-v") == 0) {
		resolver.trace = trace;
		first = 2;
	}
	for (int i = first; i < argc; i++)
		show(argv[i], &routes, &settings);
	routes_free(&routes);
	domainmap_free(&locals);
	return 0;
}
