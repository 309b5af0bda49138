#include "wire/dnsmessage.h"

#include <stdio.h>

enum {
	HEADER = 12,
	FLAG_RESPONSE = 0x8000,
	FLAG_OPCODE = 0x7800,
	FLAG_AUTHORITATIVE = 0x0400,
	FLAG_TRUNCATED = 0x0200,
	FLAG_RECURSION_DESIRED = 0x0100,
	FLAG_RECURSION_AVAILABLE = 0x0080,
	FLAG_AUTHENTIC = 0x0020,
	RCODE = 0x000f,
	CLASS_IN = 1,
	TYPE_SOA = 6,
	TYPE_OPT = 41,
	POINTER = 0xc0,
	SOA_NUMBERS = 20, /* five of four bytes, after two names; the last is the minimum */
	TLSA_MIN = 4,     /* three numbers and at least one byte (RFC 6698, 2.1) */
	TTL_MAX = 0x7fffffff
};

/* What became of a part of a message. */
enum outcome { BROKEN = -1, GOOD = 0, NOT_TEXT = 1 };

static int
is_text(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '.';
}

int
dns_name_parse(struct dns_name *name, struct span text)
{
	size_t label = 0;

	if (text.len && text.s[text.len - 1] == '.')
		text.len--;
	if (text.len == 0 || text.len > DNS_NAME_TEXT_MAX)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.s[i] == '.') {
			if (label == 0)
				return -1;
			label = 0;
		} else if (!is_text((unsigned char)text.s[i]) || ++label > DNS_LABEL_MAX) {
			return -1;
		}
	}
	if (label == 0)
		return -1;
	memcpy(name->text, text.s, text.len);
	name->text[text.len] = '\0';
	name->len = text.len;
	return 0;
}

static char *
put16(char *s, unsigned n)
{
	s[0] = (char)(n >> 8 & 0xff);
	s[1] = (char)(n & 0xff);
	return s + 2;
}

static unsigned
byte_at(struct span message, size_t at)
{
	return (unsigned char)message.s[at];
}

static unsigned
get16(struct span message, size_t at)
{
	return byte_at(message, at) << 8 | byte_at(message, at + 1);
}

static uint32_t
get32(struct span message, size_t at)
{
	return (uint32_t)get16(message, at) << 16 | get16(message, at + 2);
}

int
dns_name_reverse(struct dns_name *name, struct netaddress const *address, struct span zone)
{
	unsigned char const *b = address->bytes;
	char text[DNS_NAME_TEXT_MAX + 1];
	size_t len = 0;

	if (netaddress_is_v4(address))
		len = (size_t)snprintf(
			text, sizeof text, "%u.%u.%u.%u.", b[15], b[14], b[13], b[12]);
	else
		for (size_t i = sizeof address->bytes; i > 0; i--)
			len += (size_t)snprintf(text + len, sizeof text - len, "%x.%x.",
				b[i - 1] & 15u, b[i - 1] >> 4u);
	if (zone.len > sizeof text - len)
		return -1;
	memcpy(text + len, zone.s, zone.len);
	return dns_name_parse(name, span(text, len + zone.len));
}

size_t
dns_query_format(char query[DNS_QUERY_MAX], uint16_t id, struct dns_name const *name,
	enum dns_type type, int edns)
{
	struct span rest = span(name->text, name->len);
	char *s = query;

	s = put16(s, id);
	s = put16(s, FLAG_RECURSION_DESIRED | FLAG_AUTHENTIC);
	s = put16(s, 1); /* questions */
	s = put16(s, 0);
	s = put16(s, 0);
	s = put16(s, edns ? 1 : 0); /* additional records */
	while (rest.len) {
		struct span label = span_cut(&rest, '.');

		*s++ = (char)label.len;
		memcpy(s, label.s, label.len);
		s += label.len;
	}
	*s++ = 0;
	s = put16(s, type);
	s = put16(s, CLASS_IN);
	if (edns) { /* RFC 6891, 6.1.2 */
		*s++ = 0;
		s = put16(s, TYPE_OPT);
		s = put16(s, DNS_UDP_PAYLOAD);
		s = put16(s, 0);
		s = put16(s, 0);
		s = put16(s, 0);
	}
	return (size_t)(s - query);
}

/* Adds a label to the text. Returns 0, or -1 when it has bytes that are not for text. */
static int
label_append(struct dns_name *name, struct span label)
{
	if (name->len)
		name->text[name->len++] = '.';
	for (size_t i = 0; i < label.len; i++) {
		if (!is_text((unsigned char)label.s[i]))
			return -1;
		name->text[name->len++] = label.s[i];
	}
	return 0;
}

/*
 * Reads the name at *position, which moves to what follows it. A pointer must
 * lead to before the labels it ends, so no chain of them can come round.
 */
static enum outcome
name_read(struct span message, size_t *position, struct dns_name *name)
{
	enum outcome outcome = GOOD;
	size_t at = *position, floor = at, wire = 1;
	unsigned pointers = 0;

	name->len = 0;
	for (;;) {
		unsigned n;

		if (at >= message.len)
			return BROKEN;
		n = byte_at(message, at);
		if (n == 0)
			break;
		if ((n & POINTER) == POINTER) {
			if (at + 2 > message.len || ++pointers > DNS_POINTERS_MAX)
				return BROKEN;
			if (pointers == 1)
				*position = at + 2;
			at = get16(message, at) & 0x3fff;
			if (at >= floor || at < HEADER)
				return BROKEN;
			floor = at;
			continue;
		}
		wire += n + 1;
		if (n > DNS_LABEL_MAX || at + 1 + n > message.len || wire > DNS_NAME_MAX)
			return BROKEN;
		if (outcome == GOOD && label_append(name, span(message.s + at + 1, n)) == -1)
			outcome = NOT_TEXT;
		at += 1 + n;
	}
	if (pointers == 0)
		*position = at + 1;
	if (outcome == NOT_TEXT)
		name->len = 0;
	name->text[name->len] = '\0';
	return outcome;
}

/* A record of the answer section, its data not yet looked at. */
struct raw {
	enum outcome outcome; /* of the owner's name */
	struct dns_name owner;
	unsigned type, class;
	uint32_t ttl;
	size_t data, length;
};

static int
raw_read(struct span message, size_t *position, struct raw *raw)
{
	size_t at;

	raw->outcome = name_read(message, position, &raw->owner);
	at = *position;
	if (raw->outcome == BROKEN || message.len - at < 10)
		return -1;
	raw->type = get16(message, at);
	raw->class = get16(message, at + 2);
	raw->ttl = get32(message, at + 4);
	if (raw->ttl > TTL_MAX)
		raw->ttl = 0; /* RFC 2181, 8 */
	raw->length = get16(message, at + 8);
	raw->data = at + 10;
	if (message.len - raw->data < raw->length)
		return -1;
	*position = raw->data + raw->length;
	return 0;
}

static int
names_equal(struct dns_name const *a, struct dns_name const *b)
{
	return span_case_equal(span(a->text, a->len), span(b->text, b->len));
}

static int
raw_is(struct raw const *raw, struct dns_name const *owner, enum dns_type type)
{
	return raw->type == (unsigned)type && raw->class == CLASS_IN && raw->outcome == GOOD &&
	       names_equal(&raw->owner, owner);
}

/* Reads a name that must fill the data from offset to its end. */
static enum outcome
data_name(struct span message, struct raw const *raw, size_t offset, struct dns_name *name)
{
	size_t at = raw->data + offset;
	enum outcome outcome;

	if (raw->length <= offset)
		return BROKEN;
	outcome = name_read(message, &at, name);
	return at == raw->data + raw->length ? outcome : BROKEN;
}

/* Whether the data is one character-string or more (RFC 1035, 3.3.14). */
static int
is_strings(struct span data)
{
	size_t at = 0;

	while (at < data.len)
		at += 1 + byte_at(data, at);
	return data.len > 0 && at == data.len;
}

static enum outcome
record_read(struct span message, struct raw const *raw, struct dns_record *record)
{
	int good = 1;

	record->ttl = raw->ttl;
	record->preference = 0;
	record->name.len = 0;
	record->name.text[0] = '\0';
	record->data = span(message.s + raw->data, raw->length);
	switch ((enum dns_type)raw->type) {
	case DNS_A: good = raw->length == 4; break;
	case DNS_AAAA: good = raw->length == 16; break;
	case DNS_TXT: good = is_strings(record->data); break;
	case DNS_TLSA: good = raw->length >= TLSA_MIN; break;
	case DNS_MX:
		if (raw->length < 3)
			return BROKEN;
		record->preference = (uint16_t)get16(message, raw->data);
		return data_name(message, raw, 2, &record->name);
	case DNS_CNAME:
	case DNS_PTR: return data_name(message, raw, 0, &record->name);
	}
	return good ? GOOD : BROKEN;
}

/* Checks the header and the question. Returns 0, or -1; *flags are the header's. */
static int
question_check(struct span message, size_t *position, uint16_t id, struct dns_name const *name,
	enum dns_type type, unsigned *flags)
{
	struct dns_name asked;
	unsigned questions, rcode;

	if (message.len < HEADER || get16(message, 0) != id)
		return -1;
	*flags = get16(message, 2);
	if (!(*flags & FLAG_RESPONSE) || *flags & FLAG_OPCODE)
		return -1;
	questions = get16(message, 4);
	rcode = *flags & RCODE;
	*position = HEADER;
	/* A server that could not make sense of the question need not repeat it. */
	if (questions == 0 && rcode != DNS_NOERROR && rcode != DNS_NXDOMAIN)
		return 0;
	if (questions != 1 || name_read(message, position, &asked) != GOOD ||
		!names_equal(&asked, name) || message.len - *position < 4 ||
		get16(message, *position) != (unsigned)type ||
		get16(message, *position + 2) != CLASS_IN)
		return -1;
	*position += 4;
	return 0;
}

/* Finds the CNAME of name. Returns 1, 0 when there is none, -1 for a broken message. */
static int
link_find(struct dns_answer const *answer, struct dns_name const *name, struct dns_record *link,
	enum outcome *outcome)
{
	size_t position = answer->position;
	struct raw raw;

	for (unsigned i = 0; i < answer->left; i++) {
		if (raw_read(answer->message, &position, &raw) == -1)
			return -1;
		if (!raw_is(&raw, name, DNS_CNAME))
			continue;
		*outcome = record_read(answer->message, &raw, link);
		return *outcome == BROKEN ? -1 : 1;
	}
	return 0;
}

static void
ttl_lower(struct dns_answer *answer, uint32_t ttl)
{
	if (ttl < answer->ttl)
		answer->ttl = ttl;
}

/* Moves answer->name along the CNAMEs. Returns 0; -1 when broken or too many. */
static int
links_follow(struct dns_answer *answer)
{
	struct dns_record link;
	enum outcome outcome;

	for (;;) {
		int r = link_find(answer, &answer->name, &link, &outcome);

		if (r <= 0)
			return r;
		if (++answer->links > DNS_LINKS_MAX)
			return -1;
		ttl_lower(answer, link.ttl);
		if (outcome == NOT_TEXT || link.name.len == 0) {
			answer->ignored++;
			return 0;
		}
		answer->name = link.name;
	}
}

/* Counts the records and checks the data of each. Returns 0, or -1 when broken. */
static int
records_count(struct dns_answer *answer)
{
	size_t position = answer->position;
	struct dns_record record;
	struct raw raw;

	for (unsigned i = 0; i < answer->left; i++) {
		if (raw_read(answer->message, &position, &raw) == -1)
			return -1;
		if (!raw_is(&raw, &answer->name, answer->type))
			continue;
		switch (record_read(answer->message, &raw, &record)) {
		case BROKEN: return -1;
		case NOT_TEXT: answer->ignored++; break;
		case GOOD: answer->records++; break;
		}
		ttl_lower(answer, record.ttl);
	}
	return 0;
}

int
dns_answer_parse(struct dns_answer *answer, char const *s, size_t len, uint16_t id,
	struct dns_name const *name, enum dns_type type)
{
	unsigned flags;

	*answer = (struct dns_answer){
		.type = type, .name = *name, .ttl = TTL_MAX, .message = span(s, len)};
	if (question_check(answer->message, &answer->position, id, name, type, &flags) == -1)
		return -1;
	answer->rcode = (enum dns_rcode)(flags & RCODE);
	answer->truncated = (flags & FLAG_TRUNCATED) != 0;
	answer->authentic = (flags & FLAG_AUTHENTIC) != 0;
	if (answer->truncated)
		return 0;
	answer->left = get16(answer->message, 6);
	if (type != DNS_CNAME && links_follow(answer) == -1)
		return -1;
	if (answer->ignored == 0 && records_count(answer) == -1)
		return -1;
	answer->referral = !(flags & (FLAG_AUTHORITATIVE | FLAG_RECURSION_AVAILABLE)) &&
			   answer->records + answer->ignored == 0;
	return 0;
}

/* What the authority section allows for an answer that there is nothing. */
static uint32_t
soa_lifetime(struct dns_answer const *answer)
{
	unsigned left = answer->left + get16(answer->message, 8);
	size_t position = answer->position;
	struct raw raw;

	for (unsigned i = 0; i < left; i++) {
		uint32_t minimum;

		if (raw_read(answer->message, &position, &raw) == -1)
			return 0;
		if (i < answer->left || raw.type != TYPE_SOA || raw.class != CLASS_IN ||
			raw.length < SOA_NUMBERS)
			continue;
		minimum = get32(answer->message, raw.data + raw.length - 4);
		return raw.ttl < minimum ? raw.ttl : minimum;
	}
	return 0;
}

uint32_t
dns_answer_lifetime(struct dns_answer const *answer)
{
	uint32_t soa;

	if (answer->truncated || answer->referral ||
		(answer->rcode != DNS_NOERROR && answer->rcode != DNS_NXDOMAIN))
		return 0;
	if (answer->rcode == DNS_NOERROR && answer->records + answer->ignored + answer->links)
		return answer->ttl;
	soa = soa_lifetime(answer);
	return answer->ttl < soa ? answer->ttl : soa;
}

int
dns_answer_next(struct dns_answer *answer, struct dns_record *record)
{
	struct raw raw;

	while (answer->records && answer->left) {
		answer->left--;
		if (raw_read(answer->message, &answer->position, &raw) == -1)
			return 0;
		if (raw_is(&raw, &answer->name, answer->type) &&
			record_read(answer->message, &raw, record) == GOOD)
			return 1;
	}
	return 0;
}
