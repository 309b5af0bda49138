/* Who is told, and how much of the original goes back. */
#include <string.h>

#include <skalibs/random.h>

#include "bounce/notice.h"
#include "lib/durable.h"

enum { SCAN_SIZE = 64 * 1024 };

/* Whether send and the history agree that there is something to tell, wanted or not. */
static int
is_fitting(enum notice_kind kind, struct original const *original)
{
	for (uint64_t i = 0; i < original->deliveries.length; i++)
		if (notice_fits(kind, &original->deliveries.recipient[i]))
			return 1;
	return 0;
}

static enum reader
reader_of(enum notice_kind kind, struct original const *original)
{
	struct concerned concerned = concerned_of(original, kind);

	if (!concerned_next(&concerned))
		return READER_NONE;
	return original->envelope.sender.len ? READER_SENDER : READER_POSTMASTER;
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

static char const *const nothing[NOTICE_KINDS] = {
	[NOTICE_FAILURE] = "its history names no failure",
	[NOTICE_SUCCESS] = "its history names no delivery to tell of",
	[NOTICE_DELAY] = "its history names no recipient that waits",
};

/* Only a failure gives the message back (RFC 3461, 4.3). */
static int
is_returned_whole(enum notice_kind kind, struct original const *o, struct settings const *settings)
{
	return kind == NOTICE_FAILURE && !span_case_equal(o->envelope.ret, SPAN_LITERAL("HDRS")) &&
	       o->length <= settings->original_bytes;
}

char const *
notice_plan(struct notice *n, enum notice_kind kind, struct original const *o,
	struct settings const *settings)
{
	char const *why = NULL;
	int good;

	if (!is_fitting(kind, o)) /* no reason for send to forget a recipient */
		return nothing[kind];
	n->kind = kind;
	n->reader = reader_of(kind, o);
	if (n->reader == READER_NONE)
		return NULL;
	n->sender = n->reader == READER_SENDER ? span("", 0) : SPAN_LITERAL("#@[]");
	good = n->reader == READER_SENDER ? notice_address_append(&n->recipient, o->envelope.sender)
					  : stralloc_copy(&n->recipient, &settings->double_to);
	if (!good)
		return "out of memory";
	random_name(n->boundary, sizeof n->boundary - 1);
	n->boundary[sizeof n->boundary - 1] = '\0';
	n->whole = is_returned_whole(kind, o, settings);
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
