#include "tern/routelint.h"

#include <stdio.h>
#include <string.h>

#include "lib/control.h"
#include "lib/text.h"
#include "policy/domainmap.h"
#include "tern/findings.h"
#include "wire/route.h"

static stralloc what;

/* "text: foreign", which lives until the next one. */
static struct span
about(char const *text, struct span foreign)
{
	what.len = 0;
	if (foreign.len > 200)
		foreign.len = 200;
	if (stralloc_cats(&what, text) && stralloc_cats(&what, ": "))
		stralloc_catb(&what, foreign.s, foreign.len);
	return span(what.s, what.len);
}

static int
has_blank(struct span key)
{
	return span_find(key, ' ') < key.len || span_find(key, '\t') < key.len;
}

/* Why such a key can not match, or hardly what it was meant to; NULL when it is good. */
static char const *
key_fault(struct span key, enum routelint_kind kind, char const **fix)
{
	int at = span_find(key, '@') < key.len;
	int null = span_equal(key, SPAN_LITERAL("!@"));

	*fix = "remove the line, or write domain, .domain or nothing before the colon";
	if (has_blank(key))
		return "this never matches, because it holds a blank";
	if (key.len > 1 && key.s[0] == '*' && key.s[1] == '.') {
		*fix = "for all subdomains write .domain";
		return "this never matches, for * means nothing here";
	}
	if (key.len > 1 && key.s[key.len - 1] == '.') {
		*fix = "leave the dot away";
		return "this never matches, because of the dot at its end";
	}
	if (kind == ROUTELINT_ROUTES && at && !null) {
		*fix = "routes for senders stand in control/senderroutes";
		return "this never matches: domains are looked up here, not addresses";
	}
	if (kind == ROUTELINT_SENDERS && null) {
		*fix = "the route of the null sender stands in control/smtproutes";
		return "this never matches here";
	}
	if (kind == ROUTELINT_SENDERS && !at && key.len && key.s[0] != '.') {
		*fix = "for a domain write @domain";
		return "this matches a sender without domain only";
	}
	return NULL;
}

static char const *
value_fix(struct span value)
{
	if (span_find(value, '|') < value.len)
		return "remove the user and the password, which nobody but root should be able to "
		       "read";
	if (span_find(value, ';') < value.len)
		return "write host:port";
	return "smtproutes(5) says what may stand here; mail for it waits";
}

static void
entry_lint(char const *file, struct domainmap const *map, struct domainmap_entry const *entry,
	enum routelint_kind kind)
{
	struct route route;
	struct domainmap_entry last;
	char const *reason, *fix;

	reason = key_fault(entry->key, kind, &fix);
	if (reason)
		finding_add(FINDING_WARNING, file, entry->line, about(reason, entry->key), fix);
	if (route_parse(&route, entry->value, &reason) == -1)
		finding_add(FINDING_ERROR, file, entry->line, about(reason, entry->value),
			value_fix(entry->value));
	if (domainmap_exact(map, entry->key, &last) && last.line != entry->line) {
		char text[64];

		snprintf(text, sizeof text, "line %u has the same key and counts", last.line);
		finding_add(FINDING_WARNING, file, entry->line, about(text, entry->key),
			"remove one of them");
	}
}

/* Lines without a colon, which the map has left out. */
static void
colons_lint(char const *file, struct control_list const *list)
{
	for (size_t i = 0; i < control_list_length(list); i++) {
		struct control_line const *line = control_list_line(list, i);

		if (span_find(line->text, ':') == line->text.len)
			finding_add(FINDING_WARNING, file, line->number,
				about("this line does not count, for it has no colon", line->text),
				"write domain:relay");
	}
}

void
routelint(char const *name, enum routelint_kind kind)
{
	struct domainmap map = DOMAINMAP_ZERO;
	struct control_list list = CONTROL_LIST_ZERO;
	struct domainmap_entry entry;
	stralloc why = STRALLOC_ZERO;
	char file[4200];

	snprintf(file, sizeof file, "%s%s", strchr(name, '/') ? "" : "control/", name);
	if (domainmap_load(&map, name, DOMAINMAP_VALUES, &why) == -1 ||
		control_list_read(&list, name, &why) == -1)
		finding_add_complaints(FINDING_ERROR, &why, "no mail can be routed until it can");
	colons_lint(file, &list);
	for (size_t i = 0; domainmap_entry_at(&map, i, &entry); i++)
		entry_lint(file, &map, &entry, kind);
	domainmap_free(&map);
	control_list_free(&list);
	stralloc_free(&why);
}
