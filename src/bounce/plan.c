/* Who is told, and how much of the original goes back. */
#include <string.h>

#include <skalibs/random.h>

#include "bounce/notice.h"
#include "lib/durable.h"

enum { SCAN_SIZE = 64 * 1024 };

/*
 * "list-owner-@host-@[]" asks for a sender of its own for each recipient; a
 * notice of ours, which may be about several, goes to list-owner@host.
 */
static int
recipient_of_sender(stralloc *recipient, struct span sender)
{
	struct span const ending = SPAN_LITERAL("-@[]");
	size_t at;

	if (sender.len <= ending.len ||
		!span_equal(span(sender.s + sender.len - ending.len, ending.len), ending))
		return stralloc_copyb(recipient, sender.s, sender.len);
	sender.len -= ending.len;
	at = span_find_last(sender, '@');
	if (at == sender.len || at == 0 || sender.s[at - 1] != '-')
		return stralloc_copyb(recipient, sender.s, sender.len);
	return stralloc_copyb(recipient, sender.s, at - 1) &&
	       stralloc_catb(recipient, sender.s + at, sender.len - at);
}

/* Whether send and the history agree that some recipient failed, wanted or not. */
static int
is_failed(struct original const *original)
{
	for (uint64_t i = 0; i < original->deliveries.length; i++)
		if (original->deliveries.recipient[i].status == DELIVERY_FAILED)
			return 1;
	return 0;
}

static int
has_failures(struct original const *original)
{
	struct failures failures = failures_of(original);

	return failures_next(&failures) != NULL;
}

/* The length of the header, up to the blank line, cut after a line where it is too long. */
static char const *
header_measure(struct original const *o, uint64_t *length)
{
	static char header[NOTICE_HEADER_MAX];
	size_t want = o->length < sizeof header ? (size_t)o->length : sizeof header;
	ssize_t n = durable_read_at(o->fd, header, want, 0);
	size_t end = 0;

	if (n == -1 || (size_t)n != want)
		return "the original can not be read";
	while (end < want && header[end] != '\n') {
		char const *newline = memchr(header + end, '\n', want - end);

		if (!newline)
			break;
		end = (size_t)(newline - header) + 1;
	}
	*length = end;
	return NULL;
}

/* Looks for 8-bit bytes in what goes back. */
static char const *
eight_bit_find(struct original const *o, uint64_t length, int *found)
{
	static char buffer[SCAN_SIZE];

	for (uint64_t done = 0; done < length && !*found; done += sizeof buffer) {
		uint64_t left = length - done;
		size_t want = left < sizeof buffer ? (size_t)left : sizeof buffer;
		ssize_t n = durable_read_at(o->fd, buffer, want, done);

		if (n == -1 || (size_t)n != want)
			return "the original can not be read";
		for (size_t i = 0; i < want; i++)
			*found |= (unsigned char)buffer[i] > 127;
	}
	return NULL;
}

char const *
notice_plan(struct notice *n, struct original const *o, struct settings const *settings)
{
	struct span sender = o->envelope.sender;
	char const *why = NULL;
	int good;

	if (!is_failed(o)) /* no reason for send to forget a recipient */
		return "its history names no failure";
	if (span_equal(sender, SPAN_LITERAL("#@[]")) || !has_failures(o))
		return NULL;
	n->kind = sender.len ? NOTICE_SINGLE : NOTICE_DOUBLE;
	n->sender = sender.len ? span("", 0) : SPAN_LITERAL("#@[]");
	good = sender.len ? recipient_of_sender(&n->recipient, sender)
			  : stralloc_copy(&n->recipient, &settings->double_to);
	if (!good)
		return "out of memory";
	random_name(n->boundary, sizeof n->boundary - 1);
	n->boundary[sizeof n->boundary - 1] = '\0';
	n->whole = !span_case_equal(o->envelope.ret, SPAN_LITERAL("HDRS")) &&
		   o->length <= settings->original_bytes;
	n->returned = o->length;
	if (!n->whole)
		why = header_measure(o, &n->returned);
	return why ? why : eight_bit_find(o, n->returned, &n->eight_bit);
}

int
notice_envelope(stralloc *envelope, struct notice const *n)
{
	int utf8 = 0;

	for (size_t i = 0; i < n->recipient.len; i++)
		utf8 |= (unsigned char)n->recipient.s[i] > 127;
	if (n->eight_bit || utf8)
		if (!envelope_append(envelope, 'b', SPAN_LITERAL("8")))
			return 0;
	if (utf8 && !envelope_append(envelope, 'U', span("", 0)))
		return 0;
	return envelope_append(envelope, 'F', n->sender) &&
	       envelope_append(envelope, 'T', span(n->recipient.s, n->recipient.len));
}
