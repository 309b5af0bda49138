#include "inject/compose.h"

#include <stdio.h>
#include <unistd.h>

#include <skalibs/random.h>

#include "inject/fail.h"
#include "lib/clock.h"
#include "lib/text.h"
#include "wire/header.h"

enum trait {
	ADDRESSES = 1,  /* its body is an address list */
	RECIPIENTS = 2, /* whose members get the message */
	HIDDEN = 4,     /* it does not go out */
	VISIBLE = 8,    /* the reader sees whom the message is for */
	FROM = 16,
	DATE = 32,
	MESSAGE_ID = 64,
	RETURN_PATH = 128,
	FOLLOWUP = 256,
	RESENT = 512
};

static struct {
	char const *name;
	unsigned traits;
} const fields[] = {
	{"To", ADDRESSES | RECIPIENTS | VISIBLE},
	{"Cc", ADDRESSES | RECIPIENTS | VISIBLE},
	{"Bcc", ADDRESSES | RECIPIENTS | HIDDEN},
	{"Apparently-To", ADDRESSES | RECIPIENTS},
	{"Notice-Requested-Upon-Delivery-To", ADDRESSES | RECIPIENTS},
	{"From", ADDRESSES | FROM},
	{"Sender", ADDRESSES},
	{"Reply-To", ADDRESSES},
	{"Return-Receipt-To", ADDRESSES},
	{"Errors-To", ADDRESSES},
	{"Mail-Reply-To", ADDRESSES},
	{"Mail-Followup-To", ADDRESSES | FOLLOWUP},
	{"Date", DATE},
	{"Message-ID", MESSAGE_ID},
	{"Return-Path", RETURN_PATH | HIDDEN},
	{"Content-Length", HIDDEN},
	{"Resent-To", RESENT | ADDRESSES | RECIPIENTS | VISIBLE},
	{"Resent-Cc", RESENT | ADDRESSES | RECIPIENTS | VISIBLE},
	{"Resent-Bcc", RESENT | ADDRESSES | RECIPIENTS | HIDDEN},
	{"Resent-From", RESENT | ADDRESSES | FROM},
	{"Resent-Sender", RESENT | ADDRESSES},
	{"Resent-Reply-To", RESENT | ADDRESSES},
	{"Resent-Date", RESENT | DATE},
	{"Resent-Message-ID", RESENT | MESSAGE_ID},
};

static unsigned
field_traits(struct span name)
{
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (span_case_equal(name, span_string(fields[i].name)))
			return fields[i].traits;
	return 0;
}

/* What is the same for all fields of one message. */
struct work {
	struct composed *composed;
	struct names const *names;
	unsigned resent; /* RESENT or 0: the fields that count are those with the same bit */
	unsigned seen;   /* traits of the fields that count and go out */
	int strict;
};

static void
put(stralloc *sa, struct span s)
{
	if (!stralloc_catb(sa, s.s, s.len))
		fail_memory();
}

static void
puts_to(stralloc *sa, char const *s)
{
	put(sa, span_string(s));
}

/* An address that was found: where it goes besides its field. */
static void
address_use(struct work *w, unsigned traits, struct span plain, struct span written)
{
	struct composed *c = w->composed;

	if ((traits & RESENT) != w->resent || plain.len == 0)
		return;
	if (traits & RECIPIENTS) {
		put(&c->recipients, plain);
		put(&c->recipients, span("", 1));
	}
	if (traits & VISIBLE) {
		if (c->visible.len)
			puts_to(&c->visible, ",\n ");
		put(&c->visible, written);
	}
}

/* Copies an address list with its addresses completed. Returns 0, or -1 when it is none. */
static int
addresses_rewrite(struct work *w, stralloc *out, struct span body, unsigned traits)
{
	struct header_addresses list = {body, 0};
	stralloc plain = STRALLOC_ZERO, suffix = STRALLOC_ZERO;
	struct header_address a = {.plain = &plain};
	enum header_result r;
	size_t done = 0;

	while ((r = header_address_next(&list, &a)) == HEADER_ADDRESS) {
		size_t cut, start;

		if (!names_missing(w->names, span(plain.s, plain.len), a.has_domain, a.domain,
			    &suffix, &cut))
			fail_memory();
		plain.len -= cut;
		put(&plain, span(suffix.s, suffix.len));
		put(out, span(body.s + done, a.begin - done));
		start = out->len;
		put(out, span(body.s + a.begin, a.end - cut - a.begin));
		put(out, span(suffix.s, suffix.len));
		done = a.end;
		address_use(w, traits, span(plain.s, plain.len),
			span(out->s + start, out->len - start));
	}
	if (r == HEADER_NO_MEMORY)
		fail_memory();
	put(out, span(body.s + done, body.len - done));
	stralloc_free(&plain);
	stralloc_free(&suffix);
	return r == HEADER_END ? 0 : -1;
}

static void
complain(struct header_field const *field)
{
	stralloc name = STRALLOC_ZERO, text = STRALLOC_ZERO;
	struct span body = span_trim(field->body);

	if (body.len > 60)
		body.len = 60;
	put(&name, field->name);
	put(&text, span(body.s, span_find(body, '\n')));
	if (!stralloc_0(&name) || !stralloc_0(&text))
		fail_memory();
	fail(FAIL_DATA, "the ", name.s, " field is not a list of addresses: ", text.s,
		": write Name <address>, with a comma between two", (char *)NULL);
}

static void
addresses_field(struct work *w, struct header_field const *field, unsigned traits)
{
	struct composed *c = w->composed;
	size_t recipients = c->recipients.len, visible = c->visible.len;
	stralloc out = STRALLOC_ZERO;

	if (addresses_rewrite(w, &out, field->body, traits) == -1) {
		if (w->strict && traits & RECIPIENTS && (traits & RESENT) == w->resent)
			complain(field);
		c->recipients.len = recipients;
		c->visible.len = visible;
		out.len = 0;
		put(&out, field->body);
	}
	if (!(traits & HIDDEN)) {
		put(&c->header, span(field->whole.s, (size_t)(field->body.s - field->whole.s)));
		put(&c->header, span(out.s, out.len));
	}
	stralloc_free(&out);
}

/* The address in a Return-Path, "<>" being an empty one. */
static void
return_path_take(struct work *w, struct span body)
{
	struct header_addresses list = {body, 0};
	struct header_address a = {.plain = &w->composed->return_path};

	if (header_address_next(&list, &a) != HEADER_ADDRESS)
		return;
	if (!names_complete(w->names, a.plain))
		fail_memory();
	w->composed->has_return_path = 1;
}

static void
field_take(struct work *w, struct header_field const *field, struct author const *author)
{
	unsigned traits = field_traits(field->name);

	if ((traits & RESENT) == w->resent &&
		((traits & FROM && author->replace_from) ||
			(traits & MESSAGE_ID && author->replace_message_id)))
		return;
	if ((traits & RESENT) == w->resent)
		w->seen |= traits;
	if (traits & RETURN_PATH)
		return_path_take(w, field->body);
	if (traits & ADDRESSES)
		addresses_field(w, field, traits);
	else if (!(traits & HIDDEN))
		put(&w->composed->header, field->whole);
}

static void
from_add(struct work *w, char const *prefix, struct author const *author)
{
	stralloc *h = &w->composed->header;
	struct span name = span(author->name.s, author->name.len);
	struct span address = span(author->address.s, author->address.len);
	int good = text_append(h, prefix, "From: ", (char *)NULL);

	if (name.len == 0)
		good = good && header_address_append(h, address);
	else if (author->as_comment)
		good = good && header_address_append(h, address) && stralloc_catb(h, " ", 1) &&
		       header_comment_append(h, name);
	else
		good = good && header_phrase_append(h, name) && stralloc_catb(h, " <", 2) &&
		       header_address_append(h, address) && stralloc_catb(h, ">", 1);
	if (!good || !stralloc_catb(h, "\n", 1))
		fail_memory();
}

/* No two messages have one: the time, the process, and chance. */
static void
message_id_add(struct work *w, char const *prefix, uint64_t now)
{
	char chance[17] = "";
	char id[100];

	random_name(chance, sizeof chance - 1);
	snprintf(id, sizeof id, "Message-ID: <%llu.%lu.%s@", (unsigned long long)(now / 1000000),
		(unsigned long)getpid(), chance);
	if (!text_append(
		    &w->composed->header, prefix, id, w->names->id_host.s, ">\n", (char *)NULL))
		fail_memory();
}

static void
missing_add(struct work *w, struct author const *author, uint64_t now)
{
	char const *prefix = w->resent ? "Resent-" : "";
	stralloc *h = &w->composed->header;
	char date[DATE_MAX];

	if (!(w->seen & DATE)) {
		clock_date(date, (time_t)(now / 1000000));
		if (!text_append(h, prefix, "Date: ", date, "\n", (char *)NULL))
			fail_memory();
	}
	if (!(w->seen & MESSAGE_ID))
		message_id_add(w, prefix, now);
	if (!(w->seen & FROM))
		from_add(w, prefix, author);
	if (!(w->seen & VISIBLE) &&
		!text_append(h, prefix, "Cc: recipient list not shown: ;\n", (char *)NULL))
		fail_memory();
}

/* Whether one of the recipients is in the list of lines. */
static int
is_listed(struct span recipients, struct span lists)
{
	while (recipients.len) {
		struct span address = span_cut(&recipients, '\0');
		struct span rest = lists;

		while (rest.len)
			if (span_case_equal(address, span_trim(span_cut(&rest, '\n'))))
				return 1;
	}
	return 0;
}

static unsigned
resent_find(struct span header)
{
	struct header_field field;

	while (header_field_next(&field, &header))
		if (field_traits(field.name) & RESENT)
			return RESENT;
	return 0;
}

void
compose(struct composed *composed, struct span header, struct author const *author,
	struct names const *names, struct span lists, int strict, uint64_t now)
{
	struct work w = {composed, names, resent_find(header), 0, strict};
	stralloc *c = &composed->recipients;
	struct header_field field;

	while (header_field_next(&field, &header))
		field_take(&w, &field, author);
	missing_add(&w, author, now);
	if (!w.resent && !(w.seen & FOLLOWUP) && composed->visible.len &&
		is_listed(span(c->s, c->len), lists)) {
		puts_to(&composed->header, "Mail-Followup-To: ");
		put(&composed->header, span(composed->visible.s, composed->visible.len));
		puts_to(&composed->header, "\n");
	}
}

void
composed_free(struct composed *composed)
{
	stralloc_free(&composed->header);
	stralloc_free(&composed->recipients);
	stralloc_free(&composed->visible);
	stralloc_free(&composed->return_path);
}
