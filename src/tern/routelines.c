#include "tern/routelines.h"

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "lib/text.h"

int
routelines_load(struct routelines *lines, stralloc *why)
{
	if (domainmap_load(&lines->routes, "smtproutes", DOMAINMAP_VALUES, why) == -1 ||
		domainmap_load(&lines->senders, "senderroutes", DOMAINMAP_VALUES, why) == -1)
		return -1;
	return 0;
}

void
routelines_free(struct routelines *lines)
{
	domainmap_free(&lines->routes);
	domainmap_free(&lines->senders);
}

struct span
routelines_value(struct domainmap const *map, unsigned line)
{
	struct domainmap_entry entry;

	for (size_t i = 0; domainmap_entry_at(map, i, &entry); i++)
		if (entry.line == line)
			return entry.value;
	return span("", 0);
}

/* Whether it is the domain, a suffix of it that begins with a dot, or empty. */
static int
is_key_of(struct span key, struct span domain)
{
	struct span tail;

	if (key.len == 0 || span_case_equal(key, domain))
		return 1;
	if (key.s[0] != '.' || key.len >= domain.len)
		return 0;
	tail = span(domain.s + domain.len - key.len, key.len);
	return span_case_equal(key, tail);
}

static int
is_route_key(struct span key, struct span sender, struct span domain)
{
	if (span_equal(key, SPAN_LITERAL("!@")))
		return sender.s && sender.len == 0;
	return is_key_of(key, domain);
}

static int
is_sender_key(struct span key, struct span sender, struct span domain)
{
	size_t at = span_find_last(sender, '@');

	(void)domain;
	if (sender.len == 0)
		return 0;
	if (span_case_equal(key, sender) || at == sender.len)
		return key.len == 0 || span_case_equal(key, sender);
	return span_case_equal(key, span(sender.s + at, sender.len - at)) ||
	       is_key_of(key, span(sender.s + at + 1, sender.len - at - 1));
}

struct shadow {
	char const *file;
	struct domainmap const *map;
	unsigned found;     /* the line that counts, 0: none */
	char const *before; /* what goes before all of them, or NULL */
	int (*is_key)(struct span key, struct span sender, struct span domain);
};

static char const *
reason(struct shadow const *shadow, struct domainmap_entry const *entry)
{
	struct domainmap_entry last;

	if (shadow->before)
		return shadow->before;
	if (domainmap_exact(shadow->map, entry->key, &last) && last.line != entry->line)
		return "a later line has the same key";
	return "less specific";
}

static void
shadow_tell(struct shadow const *shadow, struct span sender, struct span domain,
	void (*tell)(struct span text))
{
	static stralloc text;
	struct domainmap_entry entry;

	for (size_t i = 0; domainmap_entry_at(shadow->map, i, &entry); i++) {
		if (entry.line == shadow->found || !shadow->is_key(entry.key, sender, domain))
			continue;
		text.len = 0;
		if (!text_append(&text, "control/", shadow->file, ":", (char *)0) ||
			!text_append_number(&text, entry.line) ||
			!text_append(&text, ": ", (char *)0) ||
			!stralloc_catb(&text, entry.key.s, entry.key.len + 1 + entry.value.len) ||
			!text_append(&text, ": ", reason(shadow, &entry), (char *)0))
			strerr_diefusys(EXIT_TEMPORARY, "get memory");
		tell(span(text.s, text.len));
	}
}

void
routelines_shadowed(struct routelines const *lines, struct span sender, struct span domain,
	struct route_match const *match, void (*tell)(struct span text))
{
	int hub = match->source == ROUTE_RELAYHOST;
	char const *hub_goes_before = hub ? "control/relayhost goes before it" : NULL;
	struct shadow senders = {"senderroutes", &lines->senders, match->sender_line,
		hub_goes_before, is_sender_key};
	struct shadow routes = {
		"smtproutes", &lines->routes, match->line, hub_goes_before, is_route_key};

	if (hub || match->source == ROUTE_SENDERROUTES)
		routes.found = 0;
	if (match->source == ROUTE_SENDERROUTES)
		routes.before = "control/senderroutes goes before it";
	shadow_tell(&senders, sender, domain, tell);
	shadow_tell(&routes, sender, domain, tell);
}
