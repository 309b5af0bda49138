#include "tern/routeexplain.h"

#include <stdio.h>

#include <skalibs/strerr.h>

#include "lib/clock.h"
#include "lib/exits.h"
#include "lib/text.h"
#include "net/hostorder.h"
#include "tern/routeconnect.h"
#include "tern/routelocal.h"
#include "tern/routewords.h"

static stralloc line; /* of a fact in the making */

static void
check(int good)
{
	if (!good)
		strerr_diefusys(EXIT_TEMPORARY, "get memory");
}

static struct span
line_span(void)
{
	return span(line.s, line.len);
}

/* The rules of who sends when; a wrong line of theirs does not count, and tern check tells of it.
 */
static int
rules_load(struct routeexplain *s, stralloc *why)
{
	if (retry_load(&s->retry, why) == -1 || throttle_load(&s->throttle, why) == -1)
		return -1;
	why->len = 0;
	return 0;
}

int
routeexplain_load(struct routeexplain *s, stralloc *why)
{
	if (rules_load(s, why) == -1 || domains_load(&s->domains, why) == -1 ||
		ownnames_load(&s->own, why) == -1 || routes_refresh(&s->routes, why) == -1 ||
		routelines_load(&s->lines, why) == -1 ||
		control_value_read(&s->helohost, "helohost", s->own.me.s, why) == -1 ||
		mailhosts_settings_read(&s->mailhosts, why) == -1)
		return -1;
	resolver_open_later(&s->resolver);
	hosthealth_open(&s->health);
	s->mailhosts.is_own_name = ownnames_has;
	s->mailhosts.context = &s->own;
	return 0;
}

/* "control/FILE:LINE" */
static void
place_append(char const *file, unsigned number)
{
	check(text_append(&line, "control/", file, ":", (char *)0) &&
		text_append_number(&line, number));
}

static void
because_tell(struct domains_reason const *reason)
{
	line.len = 0;
	if (reason->file)
		place_append(reason->file, reason->line);
	else
		check(stralloc_cats(
			&line, "no line of control/locals or control/virtualdomains has it"));
	facts_text("because", line_span());
}

static void
route_tell(struct route_match const *match)
{
	struct route relays;

	line.len = 0;
	if (match->line) {
		char const *file = route_source_file(match->source);

		place_append(file ? file : "smtproutes", match->line);
		check(stralloc_cats(&line, ": "));
	} else if (match->source == ROUTE_MX)
		check(stralloc_cats(&line, "no line: "));
	relays = match->route;
	relays.bound[ROUTE_V4] = relays.bound[ROUTE_V6] = 0; /* said below */
	relays.helo.len = 0;
	routewords_target(&line, &relays);
	facts_text("route", line_span());
	if (match->sender_line && match->source != ROUTE_SENDERROUTES) {
		line.len = 0;
		place_append("senderroutes", match->sender_line);
		facts_text("sender route", line_span());
	}
}

static void
from_tell(struct routeexplain const *s, struct route const *route)
{
	static char const *const families[] = {"source IPv4", "source IPv6"};
	struct span ours = span(s->helohost.s, s->helohost.len);

	for (int i = 0; i < ROUTE_FAMILIES; i++) {
		char text[NETADDRESS_TEXT_MAX];

		netaddress_format(text, &route->source[i]);
		if (route->bound[i])
			facts_text(families[i], span_string(text));
	}
	facts_text("helo", route->helo.len ? route->helo : ours);
}

static void
duration_append(uint32_t seconds)
{
	static struct {
		uint32_t seconds;
		char const *unit;
	} const units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
	size_t i = 0;

	while (seconds % units[i].seconds)
		i++;
	check(text_append_number(&line, seconds / units[i].seconds) &&
		stralloc_cats(&line, units[i].unit));
}

static void
rule_place(char const *file, unsigned number)
{
	line.len = 0;
	if (number)
		place_append(file, number);
	else
		check(stralloc_cats(&line, "default"));
	check(stralloc_cats(&line, ": "));
}

static void
retry_tell(struct retry const *retry, struct span domain)
{
	struct retry_rule rule;
	unsigned number;

	retry_find(retry, domain, "", &rule, &number);
	rule_place("retry", number);
	if (rule.attempts)
		check(text_append_number(&line, rule.attempts) &&
			stralloc_cats(&line, rule.attempts == 1 ? " attempt" : " attempts"));
	else
		check(stralloc_cats(&line, "attempts within queuelifetime"));
	for (size_t i = 0; i < rule.intervals; i++) {
		check(stralloc_cats(&line, i ? ", " : ", after "));
		duration_append(rule.interval[i]);
	}
	facts_text("retry", line_span());
}

static void
throttle_tell(struct throttle const *throttle, struct span domain)
{
	struct throttle_rule rule;
	unsigned number;

	throttle_find(throttle, domain, &rule, &number);
	rule_place("throttle", number);
	check(text_append_number(&line, rule.connections) && stralloc_cats(&line, " connections"));
	if (rule.messages) {
		check(stralloc_cats(&line, ", ") && text_append_number(&line, rule.messages) &&
			stralloc_cats(&line, " messages in "));
		duration_append(rule.seconds);
	}
	facts_text("throttle", line_span());
}

static void
note_tell(void *context, char const *text)
{
	(void)context;
	facts_item(span_string(text));
}

static void
host_append(struct mailhost const *host)
{
	char address[NETADDRESS_TEXT_MAX];

	netaddress_format(address, &host->address);
	check(text_append_clean(&line, span(host->name.text, host->name.len)));
	if (host->port)
		check(text_append(&line, " [", address, "] port ", (char *)0) &&
			text_append_number(&line, host->port));
	if (host->protocol == RELAY_LMTP)
		check(stralloc_cats(&line, " by LMTP"));
}

/* What is held against a host that failed lately. */
static void
health_append(struct hosthealth const *health, struct mailhost const *host, int64_t now)
{
	struct relayhealth const *known = hosthealth_find(health, &host->address, host->port);

	if (!known)
		return;
	check(stralloc_cats(&line, ", failed ") && text_append_number(&line, known->failures) &&
		stralloc_cats(&line, known->failures == 1 ? " time" : " times"));
	if (relayhealth_is_paused(known, now))
		check(stralloc_cats(&line, ", tried last for ") &&
			text_append_number(&line, (uint64_t)(relayhealth_until(known) - now)) &&
			stralloc_cats(&line, " s"));
}

/* The hosts in the order in which they would be tried. */
static void
hosts_tell(struct routeexplain *s, struct mailhosts *hosts)
{
	int64_t now = (int64_t)(clock_wall() / 1000000);

	hosthealth_read(&s->health);
	hostorder(hosts, &s->health, NULL, now);
	facts_list("host");
	for (size_t i = 0; i < hosts->length; i++) {
		line.len = 0;
		host_append(&hosts->host[i]);
		check(stralloc_cats(&line, ", rank ") &&
			text_append_number(&line, hosts->host[i].rank));
		health_append(&s->health, &hosts->host[i], now);
		facts_item(line_span());
	}
	facts_list_end();
}

static int
result_tell(char const *what, struct span why, char const *code, int exit_code)
{
	line.len = 0;
	check(stralloc_cats(&line, what) && stralloc_catb(&line, why.s, why.len) &&
		(!code || text_append(&line, " (#", code, ")", (char *)0)));
	facts_text("result", line_span());
	return exit_code;
}

static int
found_tell(struct routeexplain_question const *question, struct span domain,
	struct mailhosts const *hosts)
{
	if (question->connect)
		return routeconnect(domain, question->sender, span_string(question->recipient));
	line.len = 0;
	check(stralloc_cats(&line, "would connect to "));
	host_append(&hosts->host[0]);
	facts_text("result", line_span());
	return EXIT_OK;
}

static int
hosts_find(struct routeexplain *s, struct routeexplain_question const *question, struct span domain,
	struct route const *route)
{
	static struct mailhosts hosts;
	stralloc why = STRALLOC_ZERO;
	enum mailhosts_result result;
	int code = EXIT_TEMPORARY;

	facts_list("found");
	s->mailhosts.note = note_tell;
	s->resolver.trace = note_tell;
	result = mailhosts_find(&hosts, &s->resolver, domain, route, &s->mailhosts, &why);
	facts_list_end();
	hosts_tell(s, &hosts);
	switch (result) {
	case MAILHOSTS_FOUND: code = found_tell(question, domain, &hosts); break;
	case MAILHOSTS_PERMANENT:
		code = result_tell(
			"would bounce: ", span(why.s, why.len), hosts.code, EXIT_PERMANENT);
		break;
	case MAILHOSTS_TROUBLE:
		code = result_tell("would wait: ", span(why.s, why.len),
			s->resolver.unusable ? "4.3.5" : hosts.code, EXIT_TEMPORARY);
		break;
	}
	stralloc_free(&why);
	return code;
}

static int
explain_remote(
	struct routeexplain *s, struct routeexplain_question const *question, struct span domain)
{
	struct route_match match;
	stralloc why = STRALLOC_ZERO;
	int code;

	facts_text("domain", domain);
	if (routes_find(&s->routes, question->sender, domain, &match, &why) == -1) {
		code = result_tell("would wait: ", span(why.s, why.len), "4.3.5", EXIT_TEMPORARY);
		stralloc_free(&why);
		return code;
	}
	route_tell(&match);
	facts_list("shadowed");
	routelines_shadowed(&s->lines, question->sender, domain, &match, facts_item);
	facts_list_end();
	from_tell(s, &match.route);
	retry_tell(&s->retry, domain);
	throttle_tell(&s->throttle, domain);
	return hosts_find(s, question, domain, &match.route);
}

int
routeexplain(struct routeexplain *s, struct routeexplain_question const *question)
{
	stralloc address = STRALLOC_ZERO;
	struct routeexplain_question remote = *question;
	struct domains_reason reason;
	struct span domain;
	int code, kind;

	facts_begin(question->form, "recipient", span_string(question->recipient));
	if (question->sender.s)
		facts_text("sender", question->sender);
	kind = domains_explain(
		&s->domains, span_string(question->recipient), &address, &domain, &reason);
	check(kind != -1);
	facts_text(
		"delivery", kind == ADDRESS_LOCAL ? SPAN_LITERAL("local") : SPAN_LITERAL("remote"));
	because_tell(&reason);
	remote.recipient = address.s;
	code = kind == ADDRESS_LOCAL ? routelocal(span(address.s, address.len))
				     : explain_remote(s, &remote, domain);
	facts_end();
	stralloc_free(&address);
	return code;
}
