/*
 * The text of a notice: multipart/report (RFC 6522) with words for a person
 * in the form of QSBMF, a delivery status (RFC 3464), and the original or its
 * header, whose own structure is nobody's concern here.
 */
#include <stdio.h>
#include <unistd.h>

#include <skalibs/random.h>

#include "bounce/notice.h"
#include "lib/clock.h"
#include "lib/durable.h"
#include "lib/text.h"
#include "lib/utf8.h"
#include "wire/diagnosis.h"
#include "wire/header.h"
#include "wire/xtext.h"

enum { PIECE_SIZE = 64 * 1024 };

static void
put(struct notice_output *o, struct span bytes)
{
	if (o->submit)
		submit_message(o->submit, bytes);
	else if (!o->failed && durable_write(o->fd, bytes.s, bytes.len) == -1)
		o->failed = 1;
}

/* Writes the text and empties it; good is 0 when memory was short on the way. */
static void
put_text(struct notice_output *o, stralloc *text, int good)
{
	if (!good)
		o->failed = 1;
	put(o, span(text->s, text->len));
	text->len = 0;
}

static int
date_append(stralloc *sa, char const *name, uint64_t seconds)
{
	char date[DATE_MAX];

	clock_date(date, (time_t)seconds);
	return text_append(sa, name, ": ", date, "\n", (char *)NULL);
}

static int
message_id_append(stralloc *sa, struct settings const *settings, uint64_t now)
{
	char chance[17] = "";
	char id[100];

	random_name(chance, sizeof chance - 1);
	snprintf(id, sizeof id, "Message-ID: <%llu.%lu.%s@", (unsigned long long)(now / 1000000),
		(unsigned long)getpid(), chance);
	return text_append(sa, id, settings->me.s, ">\n", (char *)NULL);
}

/* RFC 3834, 5, asks for auto-replied, and no answer to this comes since it has no sender. */
static int
header_append(stralloc *sa, struct notice const *n, struct settings const *settings)
{
	uint64_t now = clock_wall();

	return date_append(sa, "Date", now / 1000000) && stralloc_cats(sa, "From: ") &&
	       header_address_append(sa, span(settings->from.s, settings->from.len)) &&
	       stralloc_cats(sa, "\nTo: ") &&
	       header_address_append(sa, span(n->recipient.s, n->recipient.len)) &&
	       stralloc_cats(sa, "\nSubject: failure notice\n") &&
	       message_id_append(sa, settings, now) &&
	       text_append(sa,
		       "Auto-Submitted: auto-replied\n"
		       "MIME-Version: 1.0\n"
		       "Content-Type: multipart/report; report-type=delivery-status;\n"
		       " boundary=\"",
		       n->boundary, "\"\n", n->eight_bit ? "Content-Transfer-Encoding: 8bit\n" : "",
		       "\n"
		       "This is a report in several parts (RFC 6522).\n",
		       (char *)NULL);
}

static int
part_append(stralloc *sa, struct notice const *n, char const *type)
{
	return text_append(sa, "\n--", n->boundary, "\nContent-Type: ", type, "\n", (char *)NULL);
}

static int
opening_append(stralloc *sa, struct notice const *n, struct settings const *settings)
{
	return text_append(sa, "\nHi. This is the tern program at ", settings->me.s, ".\n",
		n->kind == NOTICE_SINGLE
			? "Your message could not be delivered to the addresses below.\n"
			  "This is final: it will not be tried again.\n"
			: "A message could not be delivered to the addresses below, and it names\n"
			  "no sender to tell: it is a notice itself. So this comes to you.\n",
		(char *)NULL);
}

/* Breaks the line at the first byte of each `mark` in the text, which stands at start in *sa. */
static void
line_break(stralloc *sa, size_t start, struct span text, struct span mark)
{
	for (size_t i = 0; i + mark.len <= text.len; i++)
		if (memcmp(text.s + i, mark.s, mark.len) == 0)
			sa->s[start + i] = '\n';
}

/* The server's words, and what send adds to them, begin lines of their own. */
static int
reason_append(stralloc *sa, struct span text)
{
	size_t start = sa->len;

	if (text.len == 0)
		text = SPAN_LITERAL("No reason was given.");
	if (!text_append_clean(sa, text))
		return 0;
	line_break(sa, start, text, SPAN_LITERAL("/Remote host said: "));
	line_break(sa, start, text, SPAN_LITERAL(" I'm not going to try again;"));
	return stralloc_catb(sa, "\n", 1);
}

/* One paragraph for each recipient. */
static void
words_write(struct notice_output *o, stralloc *sa, struct original const *original)
{
	struct failures failures = failures_of(original);
	struct delivery const *d;

	while ((d = failures_next(&failures)))
		put_text(o, sa,
			stralloc_cats(sa, "\n<") && text_append_clean(sa, d->recipient) &&
				stralloc_cats(sa, ">:\n") && reason_append(sa, d->text));
}

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
static int
message_fields_append(stralloc *sa, struct original const *original,
	struct settings const *settings, uint64_t message)
{
	return stralloc_catb(sa, "\n", 1) &&
	       envelope_id_append(sa, original->envelope.envelope_id) &&
	       text_append(sa, "Reporting-MTA: dns; ", settings->me.s, "\n", (char *)NULL) &&
	       (message == 0 || date_append(sa, "Arrival-Date", message / 1000000));
}

static int
address_append(stralloc *sa, struct span address)
{
	stralloc written = STRALLOC_ZERO;
	int r = header_address_append(&written, address) &&
		text_append_clean(sa, span(written.s, written.len));

	stralloc_free(&written);
	return r;
}

static int
diagnostic_append(stralloc *sa, struct diagnosis const *d, struct span text)
{
	if (d->reply.len)
		return stralloc_cats(sa, "Diagnostic-Code: smtp; ") &&
		       text_append_clean(sa, d->reply) && stralloc_catb(sa, "\n", 1);
	if (text.len == 0)
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

/* RFC 3464, 2.3. */
static int
recipient_fields_append(stralloc *sa, struct delivery const *delivery)
{
	struct diagnosis d;

	diagnosis_read(&d, delivery->text);
	if (!stralloc_catb(sa, "\n", 1))
		return 0;
	if (!original_recipient_append(sa, delivery->original_recipient))
		return 0;
	return stralloc_cats(sa, "Final-Recipient: rfc822; ") &&
	       address_append(sa, delivery->recipient) &&
	       text_append(sa, "\nAction: failed\nStatus: ", d.status, "\n", (char *)NULL) &&
	       remote_append(sa, delivery) && diagnostic_append(sa, &d, delivery->text) &&
	       date_append(sa, "Last-Attempt-Date", delivery->when);
}

static void
status_write(struct notice_output *o, stralloc *sa, struct original const *original)
{
	struct failures failures = failures_of(original);
	struct delivery const *d;

	while ((d = failures_next(&failures)))
		put_text(o, sa, recipient_fields_append(sa, d));
}

/* The original as it came, with its sender on top, where it would stand after delivery. */
static int
original_head_append(stralloc *sa, struct notice const *n, struct original const *original)
{
	if (!part_append(sa, n, n->whole ? "message/rfc822" : "text/rfc822-headers") ||
		!stralloc_cats(sa, n->eight_bit ? "Content-Transfer-Encoding: 8bit\n\n" : "\n"))
		return 0;
	return stralloc_cats(sa, "Return-Path: <") &&
	       address_append(sa, original->envelope.sender) && stralloc_cats(sa, ">\n");
}

static void
original_write(struct notice_output *o, struct notice const *n, struct original const *original)
{
	static char piece[PIECE_SIZE];
	char last = '\n';

	for (uint64_t done = 0; done < n->returned; done += sizeof piece) {
		uint64_t left = n->returned - done;
		size_t want = left < sizeof piece ? (size_t)left : sizeof piece;
		ssize_t got = durable_read_at(original->fd, piece, want, done);

		if (got == -1 || (size_t)got != want) {
			o->failed = 1;
			return;
		}
		put(o, span(piece, want));
		last = piece[want - 1];
	}
	if (last != '\n')
		put(o, SPAN_LITERAL("\n"));
}

void
notice_write(struct notice_output *o, struct notice const *n, struct original const *original,
	struct settings const *settings, uint64_t message)
{
	stralloc sa = STRALLOC_ZERO;

	put_text(o, &sa,
		header_append(&sa, n, settings) &&
			part_append(&sa, n, "text/plain; charset=us-ascii") &&
			opening_append(&sa, n, settings));
	words_write(o, &sa, original);
	put_text(o, &sa,
		stralloc_cats(&sa, n->whole ? "\n--- A copy of the message follows.\n"
					    : "\n--- The header of the message follows.\n") &&
			part_append(&sa, n, "message/delivery-status") &&
			message_fields_append(&sa, original, settings, message));
	status_write(o, &sa, original);
	put_text(o, &sa, original_head_append(&sa, n, original));
	original_write(o, n, original);
	put_text(o, &sa, text_append(&sa, "\n--", n->boundary, "--\n", (char *)NULL));
	stralloc_free(&sa);
}
