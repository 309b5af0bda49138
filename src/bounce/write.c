/*
 * The text of a notice: multipart/report (RFC 6522) with words for a person
 * (words.c), a delivery status (status.c), and the original or its header,
 * whose own structure is nobody's concern here.
 */
#include <stdio.h>
#include <unistd.h>

#include <skalibs/random.h>

#include "bounce/parts.h"
#include "lib/clock.h"
#include "lib/durable.h"
#include "lib/text.h"
#include "wire/header.h"

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

int
date_append(stralloc *sa, char const *name, uint64_t seconds)
{
	char date[DATE_MAX];

	clock_date(date, (time_t)seconds);
	return text_append(sa, name, ": ", date, "\n", (char *)NULL);
}

int
header_address_append_clean(stralloc *sa, struct span address)
{
	stralloc written = STRALLOC_ZERO;
	int r = header_address_append(&written, address) &&
		text_append_clean(sa, span(written.s, written.len));

	stralloc_free(&written);
	return r;
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
	static char const *const subjects[NOTICE_KINDS] = {[NOTICE_FAILURE] = "failure notice",
		[NOTICE_SUCCESS] = "delivery notice",
		[NOTICE_DELAY] = "delay notice"};
	uint64_t now = clock_wall();

	return date_append(sa, "Date", now / 1000000) && stralloc_cats(sa, "From: ") &&
	       header_address_append(sa, span(settings->from.s, settings->from.len)) &&
	       stralloc_cats(sa, "\nTo: ") &&
	       header_address_append(sa, span(n->recipient.s, n->recipient.len)) &&
	       text_append(sa, "\nSubject: ", subjects[n->kind], "\n", (char *)NULL) &&
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

/* The original as it came, with its sender on top, where it would stand after delivery. */
static int
original_head_append(stralloc *sa, struct notice const *n, struct original const *original)
{
	if (!part_append(sa, n, n->whole ? "message/rfc822" : "text/rfc822-headers") ||
		!stralloc_cats(sa, n->eight_bit ? "Content-Transfer-Encoding: 8bit\n\n" : "\n"))
		return 0;
	return stralloc_cats(sa, "Return-Path: <") &&
	       header_address_append_clean(sa, original->envelope.sender) &&
	       stralloc_cats(sa, ">\n");
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
	struct concerned concerned = concerned_of(original, n->kind);
	struct delivery const *d;

	put_text(o, &sa,
		header_append(&sa, n, settings) &&
			part_append(&sa, n, "text/plain; charset=us-ascii") &&
			words_opening_append(&sa, n, settings, message));
	while ((d = concerned_next(&concerned)))
		put_text(o, &sa, words_recipient_append(&sa, n, d));
	put_text(o, &sa,
		stralloc_cats(&sa, n->whole ? "\n--- A copy of the message follows.\n"
					    : "\n--- The header of the message follows.\n") &&
			part_append(&sa, n, "message/delivery-status") &&
			status_message_append(&sa, original, settings, message));
	concerned = concerned_of(original, n->kind);
	while ((d = concerned_next(&concerned)))
		put_text(o, &sa, status_recipient_append(&sa, n, d, settings, message));
	put_text(o, &sa, original_head_append(&sa, n, original));
	original_write(o, n, original);
	put_text(o, &sa, text_append(&sa, "\n--", n->boundary, "--\n", (char *)NULL));
	stralloc_free(&sa);
}
