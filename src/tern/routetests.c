#include "tern/routetests.h"

#include <skalibs/strerr.h>

#include "lib/control.h"
#include "lib/exits.h"
#include "policy/domains.h"
#include "policy/routes.h"
#include "tern/findings.h"
#include "tern/routewords.h"

static char const file[] = "control/routetests";

static struct domains domains;
static struct routes routes;
static stralloc why;

struct routetest {
	struct span sender, recipient, expected;
};

/* Returns 0, or -1 when it is not of the form. */
static int
test_parse(struct routetest *test, struct span line)
{
	struct span rest = span_trim(line), arrow;

	test->sender = routewords_address(span_cut_word(&rest));
	if (span_equal(test->sender, SPAN_LITERAL("*")))
		test->sender = span(NULL, 0);
	test->recipient = routewords_address(span_cut_word(&rest));
	arrow = span_cut_word(&rest);
	test->expected = rest;
	return test->recipient.len && span_equal(arrow, SPAN_LITERAL("->")) && rest.len ? 0 : -1;
}

static int
is_same_target(struct route const *a, struct route const *b)
{
	if (a->relays != b->relays)
		return 0;
	for (size_t i = 0; i < a->relays; i++)
		if (!span_case_equal(a->relay[i].host, b->relay[i].host) ||
			a->relay[i].port != b->relay[i].port ||
			a->relay[i].protocol != b->relay[i].protocol ||
			a->relay[i].rank != b->relay[i].rank)
			return 0;
	return 1;
}

/* Says where it goes. Returns whether that is what is expected. */
static int
remote_test(struct routetest const *test, struct span domain, stralloc *goes)
{
	struct route_match match;
	struct route expected = {.relays = 0};
	char const *reason;
	int parsed = span_case_equal(test->expected, SPAN_LITERAL("mx")) ||
		     route_parse(&expected, test->expected, &reason) == 0;

	why.len = 0;
	if (routes_find(&routes, test->sender, domain, &match, &why) == -1) {
		if (!stralloc_cats(goes, "it waits: ") || !stralloc_cat(goes, &why))
			strerr_diefusys(EXIT_TEMPORARY, "get memory");
		why.len = 0;
		return 0;
	}
	if (!stralloc_cats(goes, "it goes to "))
		strerr_diefusys(EXIT_TEMPORARY, "get memory");
	routewords_target(goes, &match.route);
	return parsed && is_same_target(&expected, &match.route);
}

static void
test_run(struct control_line const *line)
{
	static stralloc address, goes;
	struct routetest test;
	struct span domain;
	int kind, expects_local;

	if (test_parse(&test, line->text) == -1) {
		finding_add(FINDING_ERROR, file, line->number, SPAN_LITERAL("this is not a test"),
			"write: from to -> local, mx or relays");
		return;
	}
	kind = domains_route(&domains, test.recipient, &address, &domain);
	expects_local = span_case_equal(test.expected, SPAN_LITERAL("local"));
	goes.len = 0;
	if (kind == -1)
		strerr_diefusys(EXIT_TEMPORARY, "get memory");
	if (kind == ADDRESS_LOCAL) {
		if (expects_local)
			return;
		if (!stralloc_cats(&goes, "it is delivered here"))
			strerr_diefusys(EXIT_TEMPORARY, "get memory");
	} else if (remote_test(&test, domain, &goes) && !expects_local) {
		return;
	}
	if (!stralloc_cats(&goes, ", expected was ") ||
		!stralloc_catb(&goes, test.expected.s, test.expected.len))
		strerr_diefusys(EXIT_TEMPORARY, "get memory");
	finding_add(FINDING_ERROR, file, line->number, span(goes.s, goes.len),
		"mend the route or the test; tern route explains");
}

void
routetests_check(void)
{
	struct control_list list = CONTROL_LIST_ZERO;
	int r = control_list_read(&list, "routetests", &why);

	if (r == 1 && (domains_load(&domains, &why) == -1 || routes_refresh(&routes, &why) == -1))
		r = -1;
	if (r == -1)
		finding_add_complaints(FINDING_ERROR, &why, "no test was made");
	for (size_t i = 0; r == 1 && i < control_list_length(&list); i++)
		test_run(control_list_line(&list, i));
	control_list_free(&list);
}
