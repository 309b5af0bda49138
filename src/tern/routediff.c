#include "tern/routediff.h"

#include <stdio.h>
#include <stdlib.h>

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "policy/domains.h"
#include "policy/routes.h"
#include "tern/routewords.h"

enum { DIFF_NONE = 0, DIFF_SOME = 1 };

static struct domains domains = DOMAINS_ZERO;
static stralloc why;

static void
die(void)
{
	if (!stralloc_0(&why))
		strerr_diefusys(EXIT_TEMPORARY, "get memory");
	strerr_dief(EXIT_PERMANENT, why.s);
}

/* The routes of the instance with another smtproutes. */
static void
routes_load(struct routes *routes, char const *path)
{
	int r;

	if (routes_refresh(routes, &why) == -1)
		die();
	routetable_free(&routes->table);
	r = domainmap_load(&routes->table.text, path, DOMAINMAP_VALUES, &why);
	if (r == -1)
		die();
	if (r == 0)
		strerr_dief(EXIT_PERMANENT, path, ": no such file");
}

/* Where it goes, without the line. */
static void
target_find(stralloc *target, struct routes const *routes, struct span sender, struct span domain)
{
	struct route_match match;

	target->len = why.len = 0;
	if (routes_find(routes, sender, domain, &match, &why) == 0)
		routewords_target(target, &match.route);
	else if (!stralloc_cats(target, "waits: ") || !stralloc_cat(target, &why))
		strerr_diefusys(EXIT_TEMPORARY, "get memory");
}

static int
address_compare(struct routes const *before, struct routes const *after, struct span sender,
	struct span recipient, enum facts_form form)
{
	static stralloc address, from, to;
	struct span domain;
	int kind = domains_route(&domains, recipient, &address, &domain);

	if (kind == -1)
		strerr_diefusys(EXIT_TEMPORARY, "get memory");
	if (kind == ADDRESS_LOCAL)
		return DIFF_NONE;
	target_find(&from, before, sender, domain);
	target_find(&to, after, sender, domain);
	if (span_equal(span(from.s, from.len), span(to.s, to.len)))
		return DIFF_NONE;
	facts_begin(form, "recipient", recipient);
	if (sender.s)
		facts_text("sender", sender);
	facts_text("old", span(from.s, from.len));
	facts_text("new", span(to.s, to.len));
	facts_end();
	return DIFF_SOME;
}

int
routediff(char const *old_path, char const *new_path, enum facts_form form)
{
	static struct routes before = ROUTES_ZERO, after = ROUTES_ZERO;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int result = DIFF_NONE;

	if (domains_load(&domains, &why) == -1)
		die();
	routes_load(&before, old_path);
	routes_load(&after, new_path);
	while ((len = getline(&line, &size, stdin)) != -1) {
		struct span sender, recipient;

		if (routewords_pair(span(line, (size_t)len), &sender, &recipient))
			result |= address_compare(&before, &after, sender, recipient, form);
	}
	free(line);
	if (ferror(stdin))
		strerr_diefusys(EXIT_TEMPORARY, "read the addresses");
	return result;
}
