#include <stdio.h>

#include "lib/text.h"
#include "qread/format.h"

/* The length of the character of UTF-8 (RFC 3629, 4) at the start of s, or 0 when it is none. */
static size_t
utf8_length(struct span s)
{
	unsigned char const *b = (unsigned char const *)s.s;
	size_t n = b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > s.len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) ||
		(b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f))
		return 0;
	return n;
}

/* RFC 8259, 7. What is not UTF-8 becomes the replacement character. */
static int
string_append(stralloc *out, struct span s)
{
	int good = stralloc_catb(out, "\"", 1);

	for (size_t i = 0; good && i < s.len;) {
		unsigned char c = (unsigned char)s.s[i];
		size_t n = c < 128 ? 1 : utf8_length(span(s.s + i, s.len - i));
		char escape[8];

		if (n == 0)
			good = stralloc_cats(out, "\\ufffd");
		else if (c == '"' || c == '\\')
			good = stralloc_catb(out, "\\", 1) && stralloc_catb(out, s.s + i, 1);
		else if (c < ' ' || c == 127)
			good = snprintf(escape, sizeof escape, "\\u%04x", (unsigned)c) > 0 &&
			       stralloc_cats(out, escape);
		else
			good = stralloc_catb(out, s.s + i, n);
		i += n ? n : 1;
	}
	return good && stralloc_catb(out, "\"", 1);
}

static int
text_field_append(stralloc *out, char const *name, struct span value)
{
	return text_append(out, ",\"", name, "\":", (char *)NULL) && string_append(out, value);
}

static int
number_field_append(stralloc *out, char const *name, uint64_t value)
{
	return text_append(out, ",\"", name, "\":", (char *)NULL) && text_append_number(out, value);
}

static char const *
status_name(enum delivery_status status)
{
	switch (status) {
	case DELIVERY_PENDING: return "pending";
	case DELIVERY_FAILED: return "failed";
	case DELIVERY_DONE: break;
	}
	return "done";
}

static int
recipient_append(stralloc *out, struct delivery const *d)
{
	return stralloc_cats(out, "{\"address\":") && string_append(out, d->recipient) &&
	       text_field_append(out, "where", span_string(format_locality(d->recipient))) &&
	       text_field_append(out, "status", span_string(status_name(d->status))) &&
	       number_field_append(out, "attempts", d->attempts) &&
	       number_field_append(out, "next", d->next) &&
	       number_field_append(out, "when", d->when) &&
	       text_field_append(out, "host", d->host) &&
	       text_field_append(out, "host_address", d->address) &&
	       text_field_append(out, "reason", d->text) && stralloc_catb(out, "}", 1);
}

static int
message_append(stralloc *out, struct message const *m, struct format_totals const *before)
{
	struct envelope const *e = &m->entry.envelope;
	int good = stralloc_cats(out, "{\"id\":\"") && text_append_number(out, m->id) &&
		   stralloc_catb(out, "\"", 1) &&
		   number_field_append(out, "arrival", m->id / 1000000) &&
		   number_field_append(out, "size", m->entry.message) &&
		   text_field_append(out, "sender", e->sender) &&
		   text_field_append(out, "via", e->via) &&
		   number_field_append(out, "uid", e->uid) &&
		   stralloc_cats(out, ",\"recipients\":[");

	(void)before;
	for (uint64_t i = 0; good && i < m->deliveries.length; i++)
		good = (i == 0 || stralloc_catb(out, ",", 1)) &&
		       recipient_append(out, &m->deliveries.recipient[i]);
	return good && stralloc_cats(out, "]}\n");
}

static int
end_append(stralloc *out, struct format_totals const *totals)
{
	(void)out, (void)totals;
	return 1;
}

struct format const format_json = {message_append, end_append};
