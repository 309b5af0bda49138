/* The part of a notice that programs read: its delivery status (RFC 3464). */
#include <stdio.h>

#include "bounce/parts.h"
#include "lib/text.h"
#include "lib/utf8.h"
#include "wire/diagnosis.h"
#include "wire/xtext.h"

/* UTF-8 in the form that needs none (RFC 6533, 3). Returns 1, or 0 without memory. */
static int
utf8_append_escaped(stralloc *sa, struct span s)
{
	while (s.len) {
		struct span before = s;
		unsigned long code = utf8_next(&s);
		char escaped[16];

		snprintf(escaped, sizeof escaped, "\\x{%lX}", code);
		if (code > 127 ? !stralloc_cats(sa, escaped)
			       : !text_append_clean(sa, span(before.s, 1)))
			return 0;
	}
	return 1;
}

/* The type of address, and it (RFC 3464, 2.3.1). */
static int
original_recipient_append(stralloc *sa, struct span original)
{
	size_t semicolon = span_find(original, ';');
	struct span address;

	if (semicolon == original.len)
		return 1;
	address = span(original.s + semicolon + 1, original.len - semicolon - 1);
	return stralloc_cats(sa, "Original-Recipient: ") &&
	       text_append_clean(sa, span(original.s, semicolon + 1)) &&
	       (utf8_is_ascii(address) || !utf8_is_valid(address)
			       ? xtext_append_decoded(sa, address)
			       : utf8_append_escaped(sa, address)) &&
	       stralloc_catb(sa, "\n", 1);
}

static int
envelope_id_append(stralloc *sa, struct span id)
{
	return id.len == 0 || (stralloc_cats(sa, "Original-Envelope-Id: ") &&
				      xtext_append_decoded(sa, id) && stralloc_catb(sa, "\n", 1));
}

/* RFC 3464, 2.2. */
int
status_message_append(stralloc *sa, struct original const *original,
	struct settings const *settings, uint64_t message)
{
	return stralloc_catb(sa, "\n", 1) &&
	       envelope_id_append(sa, original->envelope.envelope_id) &&
	       text_append(sa, "Reporting-MTA: dns; ", settings->me.s, "\n", (char *)NULL) &&
	       (message == 0 || date_append(sa, "Arrival-Date", message / 1000000));
}

/* What a local program said is for the sender of a message that failed or is late. */
static int
diagnostic_append(stralloc *sa, enum notice_kind kind, struct diagnosis const *d, struct span text)
{
	if (d->reply.len)
		return stralloc_cats(sa, "Diagnostic-Code: smtp; ") &&
		       text_append_clean(sa, d->reply) && stralloc_catb(sa, "\n", 1);
	if (text.len == 0 || kind == NOTICE_SUCCESS)
		return 1;
	return stralloc_cats(sa, "Diagnostic-Code: x-tern; ") && text_append_clean(sa, text) &&
	       stralloc_catb(sa, "\n", 1);
}

static int
remote_append(stralloc *sa, struct delivery const *delivery)
{
	struct span host = delivery->host;

	if (host.len == 0)
		return 1;
	return stralloc_cats(sa, "Remote-MTA: dns; ") && text_append_clean(sa, host) &&
	       stralloc_catb(sa, "\n", 1);
}

/* RFC 3464, 2.3.3. */
static char const *
action_of(enum notice_kind kind, struct delivery const *d)
{
	if (kind != NOTICE_SUCCESS)
		return kind == NOTICE_DELAY ? "delayed" : "failed";
	return d->event == HISTORY_RELAYED    ? "relayed"
	       : d->event == HISTORY_EXPANDED ? "expanded"
					      : "delivered";
}

static void
diagnose(struct diagnosis *d, enum notice_kind kind, struct span text)
{
	if (kind == NOTICE_FAILURE)
		diagnosis_read(d, text);
	else
		diagnosis_read_as(d, text, kind == NOTICE_SUCCESS ? '2' : '4');
}

/* RFC 3464, 2.3. */
int
status_recipient_append(stralloc *sa, struct notice const *n, struct delivery const *delivery,
	struct settings const *settings, uint64_t message)
{
	struct diagnosis d;

	diagnose(&d, n->kind, delivery->text);
	return stralloc_catb(sa, "\n", 1) &&
	       original_recipient_append(sa, delivery->original_recipient) &&
	       stralloc_cats(sa, "Final-Recipient: rfc822; ") &&
	       header_address_append_clean(sa, delivery->recipient) &&
	       text_append(sa, "\nAction: ", action_of(n->kind, delivery), "\nStatus: ", d.status,
		       "\n", (char *)NULL) &&
	       remote_append(sa, delivery) && diagnostic_append(sa, n->kind, &d, delivery->text) &&
	       (delivery->when == 0 || date_append(sa, "Last-Attempt-Date", delivery->when)) &&
	       (n->kind != NOTICE_DELAY || message == 0 ||
		       date_append(sa, "Will-Retry-Until",
			       message / 1000000 + settings->queuelifetime));
}
