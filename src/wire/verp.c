#include "wire/verp.h"

static struct span const mark = {"-@[]", 4};

/* The place of the @ of "list-@host", what is left without the mark. */
static size_t
pattern_at(struct span base)
{
	size_t at = span_find_last(base, '@');

	return at < base.len && at > 0 && base.s[at - 1] == '-' ? at : base.len;
}

static struct span
without_mark(struct span sender)
{
	return span(sender.s, sender.len - mark.len);
}

int
verp_is_pattern(struct span sender)
{
	if (sender.len <= mark.len ||
		memcmp(sender.s + sender.len - mark.len, mark.s, mark.len) != 0)
		return 0;
	return pattern_at(without_mark(sender)) < sender.len - mark.len;
}

int
verp_expand(stralloc *sa, struct span sender, struct span recipient)
{
	struct span base = without_mark(sender);
	size_t at = pattern_at(base);
	size_t recipient_at = span_find_last(recipient, '@');
	size_t domain = recipient_at < recipient.len ? recipient_at + 1 : recipient.len;

	return stralloc_catb(sa, base.s, at) && stralloc_catb(sa, recipient.s, recipient_at) &&
	       stralloc_catb(sa, "=", 1) &&
	       stralloc_catb(sa, recipient.s + domain, recipient.len - domain) &&
	       stralloc_catb(sa, base.s + at, base.len - at);
}
