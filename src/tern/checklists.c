#include "tern/checklists.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/control.h"
#include "lib/netaddress.h"
#include "policy/access.h"
#include "policy/domainmap.h"
#include "policy/retry.h"
#include "policy/routetable.h"
#include "policy/throttle.h"
#include "policy/timeouts.h"
#include "tern/findings.h"
#include "tern/routelint.h"
#include "wire/route.h"

static stralloc why;
static char path[64];

/* "control/NAME", until the next call. */
static char const *
path_of(char const *name)
{
	snprintf(path, sizeof path, "control/%s", name);
	return path;
}

static void
say(enum finding_level level, char const *name, unsigned line, char const *what,
	struct span foreign, char const *fix)
{
	static stralloc text;

	text.len = 0;
	if (stralloc_cats(&text, what) && foreign.len && stralloc_cats(&text, ": "))
		stralloc_catb(&text, foreign.s, foreign.len < 200 ? foreign.len : 200);
	finding_add(level, path_of(name), line, span(text.s, text.len), fix);
}

/* Reads a map; says why not. Returns 1, 0 when there is no file, -1. */
static int
map_load(struct domainmap *map, char const *name, enum domainmap_kind kind)
{
	int r = domainmap_load(map, name, kind, &why);

	if (r == -1)
		finding_add_complaints(FINDING_ERROR, &why, "nothing that reads it starts");
	return r;
}

static void
domain_check(char const *name, struct domainmap_entry const *entry)
{
	struct span key = entry->key;

	if (span_find(key, ' ') < key.len || span_find(key, '\t') < key.len)
		say(FINDING_WARNING, name, entry->line, "this never matches, for it holds a blank",
			key, "write one domain a line");
	else if (key.len > 1 && key.s[0] == '*')
		say(FINDING_WARNING, name, entry->line,
			"this never matches, for * means nothing here", key,
			strcmp(name, "rcpthosts") == 0 || strcmp(name, "virtualdomains") == 0
				? "for all subdomains write .domain"
				: "write each domain");
	else if (key.len > 1 && key.s[key.len - 1] == '.')
		say(FINDING_WARNING, name, entry->line,
			"this never matches, because of the dot at its end", key,
			"leave the dot away");
}

void
checklists_domains(char const *name)
{
	struct domainmap map = DOMAINMAP_ZERO;
	struct domainmap_entry entry;

	map_load(&map, name, DOMAINMAP_KEYS);
	for (size_t i = 0; domainmap_entry_at(&map, i, &entry); i++) {
		domain_check(name, &entry);
		if (span_find(entry.key, '@') < entry.key.len ||
			span_find(entry.key, ':') < entry.key.len)
			say(FINDING_WARNING, name, entry.line,
				"this never matches, for it is not a domain", entry.key,
				"write the domain alone");
	}
	domainmap_free(&map);
}

void
checklists_access(void)
{
	struct control_list list = CONTROL_LIST_ZERO;
	struct access_rule rule;
	char const *reason;

	if (control_list_read(&list, "access", &why) == -1)
		finding_add_complaints(FINDING_ERROR, &why, "tern-smtpd does not start");
	for (size_t i = 0; i < control_list_length(&list); i++) {
		struct control_line const *line = control_list_line(&list, i);

		if (access_rule_parse(&rule, line->text, &reason) == -1)
			say(FINDING_ERROR, "access", line->number, reason, line->text,
				"tern-smtpd does not start: tern-control(5)");
		else if (rule.bits <= 0 && rule.allow &&
			 span_find(line->text, ',') < line->text.len &&
			 strstr(line->text.s, "RELAYCLIENT") &&
			 strstr(line->text.s, "RELAYCLIENT") < line->text.s + line->text.len)
			say(FINDING_WARNING, "access", line->number,
				"every client may relay: an open relay", line->text,
				"name your own networks");
	}
	if (control_list_length(&list) > ACCESS_RULES_MAX)
		say(FINDING_ERROR, "access", 0, "has more than 10000 lines", span("", 0), NULL);
	control_list_free(&list);
}

/* Lines without a colon are left out by who reads the file. */
static void
colons_check(char const *name, char const *fix)
{
	struct control_list list = CONTROL_LIST_ZERO;

	if (control_list_read(&list, name, &why) == -1)
		why.len = 0; /* has been said */
	for (size_t i = 0; i < control_list_length(&list); i++) {
		struct control_line const *line = control_list_line(&list, i);

		if (span_find(line->text, ':') == line->text.len)
			say(FINDING_WARNING, name, line->number,
				"this line does not count, for it has no colon", line->text, fix);
	}
	control_list_free(&list);
}

static void
duplicates_check(char const *name, struct domainmap const *map)
{
	struct domainmap_entry entry, last;

	for (size_t i = 0; domainmap_entry_at(map, i, &entry); i++)
		if (domainmap_exact(map, entry.key, &last) && last.line != entry.line) {
			char text[80];

			snprintf(text, sizeof text, "line %u has the same key and counts",
				last.line);
			say(FINDING_WARNING, name, entry.line, text, entry.key,
				"remove one of them");
		}
}

void
checklists_retry(void)
{
	struct retry retry = RETRY_ZERO;

	retry_load(&retry, &why);
	finding_add_complaints(FINDING_ERROR, &why, "the line does not count: tern-retry(5)");
	colons_check("retry", "write domain:attempts:interval");
	duplicates_check("retry", &retry.map);
	retry_free(&retry);
}

void
checklists_throttle(void)
{
	struct throttle throttle = {DOMAINMAP_ZERO};

	throttle_load(&throttle, &why);
	finding_add_complaints(FINDING_ERROR, &why, "the line does not count: tern-throttle(5)");
	colons_check("throttle", "write domain:connections");
	duplicates_check("throttle", &throttle.map);
	throttle_free(&throttle);
}

void
checklists_timeouts(void)
{
	struct timeouts timeouts;

	timeouts_load(&timeouts, &why);
	finding_add_complaints(FINDING_ERROR, &why,
		"mail waits until it is right: write phase:duration, as tern-control(5) says");
}

static int
is_listen_address(struct span text)
{
	struct span const unix_prefix = SPAN_LITERAL("unix:");
	struct netaddress address;
	struct relay relay;
	char const *reason;

	if (span_case_starts(text, unix_prefix))
		return text.len > unix_prefix.len;
	return relay_parse(&relay, text, 0, &reason) == 0 && relay.port &&
	       netaddress_parse(&address, relay.host) == 0;
}

void
checklists_listen(void)
{
	struct control_list list = CONTROL_LIST_ZERO;

	if (control_list_read(&list, "smtplisten", &why) == -1)
		finding_add_complaints(FINDING_ERROR, &why, "tern-listen does not start");
	for (size_t i = 0; i < control_list_length(&list); i++) {
		struct control_line const *line = control_list_line(&list, i);

		if (!is_listen_address(line->text))
			say(FINDING_ERROR, "smtplisten", line->number,
				"is not an address with a port", line->text,
				"write 192.0.2.1:25, [2001:db8::1]:25 or unix:PATH");
	}
	control_list_free(&list);
}

void
checklists_virtual(void)
{
	struct domainmap locals = DOMAINMAP_ZERO, map = DOMAINMAP_ZERO;
	struct domainmap_entry entry, local;

	map_load(&map, "virtualdomains", DOMAINMAP_VALUES);
	if (domainmap_load(&locals, "locals", DOMAINMAP_KEYS, &why) == -1)
		why.len = 0; /* is said of locals itself */
	for (size_t i = 0; domainmap_entry_at(&map, i, &entry); i++) {
		domain_check("virtualdomains", &entry);
		if (domainmap_exact(&locals, entry.key, &local))
			say(FINDING_WARNING, "virtualdomains", entry.line,
				"this never counts, for the domain is in control/locals", entry.key,
				"remove it from one of them");
	}
	colons_check("virtualdomains", "write domain:prefix");
	duplicates_check("virtualdomains", &map);
	domainmap_free(&map);
	domainmap_free(&locals);
}

void
checklists_rcpthosts(void)
{
	if (access("control/rcpthosts", F_OK) == -1)
		say(FINDING_NOTE, "rcpthosts", 0,
			"is not there: mail is taken for locals and virtualdomains only, and for "
			"all domains from clients that may relay",
			span("", 0), NULL);
}

static void
relayhost_check(void)
{
	stralloc value = STRALLOC_ZERO;
	struct route route;
	char const *reason;
	int r = control_value_read(&value, "relayhost", NULL, &why);
	struct span text = span_trim(span(value.s, value.len));

	if (r == -1)
		finding_add_complaints(FINDING_ERROR, &why, "all mail that is not local waits");
	else if (r == 1 && route_parse(&route, text, &reason) == -1)
		say(FINDING_ERROR, "relayhost", 1, reason, text,
			"all mail that is not local waits: smtproutes(5)");
	else if (r == 1)
		say(FINDING_NOTE, "relayhost", 1,
			"all mail that is not local goes there; senderroutes and smtproutes do not "
			"count",
			text, NULL);
	stralloc_free(&value);
}

static void
local_routes_check(void)
{
	struct domainmap locals = DOMAINMAP_ZERO, map = DOMAINMAP_ZERO;
	struct domainmap_entry entry, local;

	if (domainmap_load(&locals, "locals", DOMAINMAP_KEYS, &why) == -1 ||
		domainmap_load(&map, "smtproutes", DOMAINMAP_VALUES, &why) == -1)
		why.len = 0; /* is said elsewhere */
	for (size_t i = 0; domainmap_entry_at(&map, i, &entry); i++)
		if (domainmap_exact(&locals, entry.key, &local))
			say(FINDING_WARNING, "smtproutes", entry.line,
				"this never counts, for the domain is in control/locals", entry.key,
				"remove it from one of them");
	domainmap_free(&map);
	domainmap_free(&locals);
}

void
checklists_routes(void)
{
	relayhost_check();
	routelint("senderroutes", ROUTELINT_SENDERS);
	routelint("smtproutes", ROUTELINT_ROUTES);
	local_routes_check();
	if (routetable_compiled_state() == ROUTETABLE_STALE)
		say(FINDING_WARNING, "smtproutes.cdb", 0,
			"was not made of this smtproutes and does not count", span("", 0),
			"tern routes compile");
}
