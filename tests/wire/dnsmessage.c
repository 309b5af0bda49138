#include "wire/dnsmessage.h"

#include <stdlib.h>

#include "tests/tap.h"

/* A message under construction. */
static struct {
	char s[70000];
	size_t len;
} m;

static void
put(char const *bytes, size_t len)
{
	memcpy(m.s + m.len, bytes, len);
	m.len += len;
}

static void
put16(unsigned n)
{
	char const two[2] = {(char)(n >> 8), (char)n};

	put(two, 2);
}

/* Writes a name given as text; "@" stands for a pointer to the question's name. */
static void
put_name(char const *text)
{
	if (strcmp(text, "@") == 0) {
		put16(0xc00c);
		return;
	}
	while (*text) {
		size_t n = strcspn(text, ".");
		char length = (char)n;

		put(&length, 1);
		put(text, n);
		text += n + (text[n] == '.');
	}
	put("", 1);
}

/* A response with id 0x1234, good flags, and the question. */
static void
begin(char const *name, unsigned type, unsigned answers)
{
	m.len = 0;
	put16(0x1234);
	put16(0x8180);
	put16(1);
	put16(answers);
	put16(0);
	put16(0);
	put_name(name);
	put16(type);
	put16(1);
}

static void
record(char const *owner, unsigned type, unsigned ttl, char const *data, size_t len)
{
	put_name(owner);
	put16(type);
	put16(1);
	put16(ttl >> 16);
	put16(ttl & 0xffff);
	put16((unsigned)len);
	put(data, len);
}

/* A record whose data is a name, after a preference when that is not -1. */
static void
record_name(char const *owner, unsigned type, int preference, char const *name)
{
	size_t length_at;

	put_name(owner);
	put16(type);
	put16(1);
	put16(0);
	put16(60);
	length_at = m.len;
	put16(0);
	if (preference >= 0)
		put16((unsigned)preference);
	put_name(name);
	m.s[length_at] = (char)((m.len - length_at - 2) >> 8);
	m.s[length_at + 1] = (char)(m.len - length_at - 2);
}

static struct dns_answer answer;

/* Parses a copy of exactly the size of the message, so that a sanitizer sees every step too far. */
static int
parse_as(char const *name, enum dns_type type)
{
	static char *copy;
	struct dns_name asked;

	if (dns_name_parse(&asked, span_string(name)) == -1)
		return -2;
	free(copy);
	copy = malloc(m.len ? m.len : 1);
	memcpy(copy, m.s, m.len);
	return dns_answer_parse(&answer, copy, m.len, 0x1234, &asked, type);
}

static int
parse(enum dns_type type)
{
	return parse_as("a.example", type);
}

/* All records in one line of text. */
static char const *
listing(void)
{
	static char text[4096];
	struct dns_record r;
	size_t len = 0;

	text[0] = '\0';
	while (dns_answer_next(&answer, &r)) {
		len += (size_t)snprintf(
			text + len, sizeof text - len, "%u:%s", r.preference, r.name.text);
		for (size_t i = 0; i < r.data.len && answer.type == DNS_A; i++)
			len += (size_t)snprintf(
				text + len, sizeof text - len, "%02x", (unsigned char)r.data.s[i]);
		len += (size_t)snprintf(text + len, sizeof text - len, " ");
	}
	return text;
}

static void
lists(char const *want, char const *name)
{
	char const *got = listing();

	same(got, strlen(got), want, strlen(want), name);
}

static void
test_names(void)
{
	static char const sixty3[] =
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk";
	struct dns_name name;
	char text[400], query[DNS_QUERY_MAX];
	struct {
		char const *text;
		int result;
	} const table[] = {{"example.org", 0}, {"example.org.", 0}, {"a", 0}, {"_25._tcp.mx.a", 0},
		{"", -1}, {".", -1}, {"a..b", -1}, {".a", -1}, {"a..", -1}, {"a b", -1},
		{"a\nb", -1}, {"a\x7f", -1}, {"b\xc3\xbc.example", -1}, {sixty3, 0}};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		ok(dns_name_parse(&name, span_string(table[i].text)) == table[i].result,
			"name number %zu is %s", i, table[i].result ? "refused" : "taken");
	ok(dns_name_parse(&name, span("a\0b", 3)) == -1, "a NUL in a name is refused");
	snprintf(text, sizeof text, "%sl.org", sixty3);
	ok(dns_name_parse(&name, span_string(text)) == -1, "a label of 64 is refused");
	snprintf(text, sizeof text, "%s.%s.%s.%.61s", sixty3, sixty3, sixty3, sixty3);
	ok(dns_name_parse(&name, span_string(text)) == 0 && name.len == 253,
		"a name of 253 is taken");
	ok(dns_query_format(query, 1, &name, DNS_MX, 1) == 12 + 255 + 4 + 11,
		"and its question fits");
	snprintf(text, sizeof text, "%s.%s.%s.%.62s", sixty3, sixty3, sixty3, sixty3);
	ok(dns_name_parse(&name, span_string(text)) == -1, "a name of 254 is refused");
}

static void
test_query(void)
{
	static char const plain[] = "\x12\x34\x01\x20\0\1\0\0\0\0\0\0\2mx\1a\0\0\x0f\0\1";
	static char const edns[] =
		"\x12\x34\x01\x20\0\1\0\0\0\0\0\1\2mx\1a\0\0\x0f\0\1\0\0\x29\x04\xd0\0\0\0\0\0";
	char query[DNS_QUERY_MAX];
	struct dns_name name;

	dns_name_parse(&name, SPAN_LITERAL("mx.a."));
	same(query, dns_query_format(query, 0x1234, &name, DNS_MX, 0), plain, sizeof plain - 1,
		"a question without EDNS");
	same(query, dns_query_format(query, 0x1234, &name, DNS_MX, 1), edns, sizeof edns,
		"a question with EDNS");
}

static void
test_good(void)
{
	begin("a.example", DNS_A, 2);
	record("@", DNS_A, 300, "\1\2\3\4", 4);
	record("A.EXAMPLE", DNS_A, 60, "\5\6\7\x08", 4);
	ok(parse(DNS_A) == 0 && answer.records == 2 && answer.ttl == 60 && !answer.referral,
		"two addresses, the lesser time to live");
	lists("0:01020304 0:05060708 ", "their bytes");
	begin("a.example", DNS_MX, 3);
	record_name("@", DNS_MX, 10, "mx1.example");
	record_name("@", DNS_MX, 65535, "@");
	record_name("@", DNS_MX, 0, "");
	ok(parse(DNS_MX) == 0 && answer.records == 3, "MX, one compressed, one null");
	lists("10:mx1.example 65535:a.example 0: ", "their names");
	begin("a.example", DNS_TXT, 1);
	record("@", DNS_TXT, 1, "\2ab\0\1c", 6);
	ok(parse(DNS_TXT) == 0 && answer.records == 1, "TXT of three strings, one empty");
	begin("a.example", DNS_TLSA, 1);
	record("@", DNS_TLSA, 1, "\3\1\1x", 4);
	ok(parse(DNS_TLSA) == 0 && answer.records == 1, "TLSA of four bytes");
	begin("a.example", DNS_PTR, 1);
	record_name("@", DNS_PTR, -1, "host.example");
	ok(parse(DNS_PTR) == 0, "PTR");
	lists("0:host.example ", "its name");
	begin("A.exaMPLE", DNS_A, 0);
	ok(parse(DNS_A) == 0 && answer.records == 0, "the question in other case");
	begin("a.example", DNS_A, 1);
	record("@", DNS_A, 0x80000000, "\1\2\3\4", 4);
	ok(parse(DNS_A) == 0 && answer.ttl == 0, "a negative time to live is 0");
	begin("a.example", DNS_A, 3);
	record("b.example", DNS_A, 1, "\1\2\3\4", 4);
	record("@", DNS_AAAA, 1, "0123456789abcdef", 16);
	record("@", DNS_A, 1, "\5\6\7\x08", 4);
	ok(parse(DNS_A) == 0 && answer.records == 1,
		"records that were not asked for are passed over");
	lists("0:05060708 ", "the one that was");
}

static void
test_header(void)
{
	begin("a.example", DNS_A, 0);
	m.s[2] = (char)0x84, m.s[3] = 0x03;
	ok(parse(DNS_A) == 0 && answer.rcode == DNS_NXDOMAIN, "NXDOMAIN");
	m.s[3] = (char)0xa0;
	ok(parse(DNS_A) == 0 && answer.authentic && answer.rcode == DNS_NOERROR, "the AD bit");
	m.s[2] = (char)0x80, m.s[3] = 0;
	ok(parse(DNS_A) == 0 && answer.referral, "an empty answer without recursion or authority");
	m.s[2] = (char)0x82;
	m.s[7] = 9;
	ok(parse(DNS_A) == 0 && answer.truncated, "the TC bit, whatever follows");
	begin("a.example", DNS_A, 0);
	m.s[0] = 0;
	ok(parse(DNS_A) == -1, "another id");
	begin("a.example", DNS_A, 0);
	m.s[2] = 0x01;
	ok(parse(DNS_A) == -1, "a question is no answer");
	m.s[2] = (char)0x89;
	ok(parse(DNS_A) == -1, "another operation");
	begin("b.example", DNS_A, 0);
	ok(parse(DNS_A) == -1, "another name");
	begin("a.example", DNS_MX, 0);
	ok(parse(DNS_A) == -1, "another type");
	begin("a.example", DNS_A, 0);
	m.s[m.len - 1] = 3;
	ok(parse(DNS_A) == -1, "another class");
	begin("a.example", DNS_A, 0);
	m.s[5] = 0;
	ok(parse(DNS_A) == -1, "no question");
	m.s[3] = (char)0x81;
	ok(parse(DNS_A) == 0 && answer.rcode == DNS_FORMERR, "no question with FORMERR");
	m.s[3] = (char)0x83;
	ok(parse(DNS_A) == -1, "no question with NXDOMAIN");
	begin("a.example", DNS_A, 0);
	m.s[5] = 2;
	ok(parse(DNS_A) == -1, "two questions");
}

/* Cut after every byte, a message must be refused; and never be read beyond its end. */
static void
test_cut(void)
{
	size_t len;
	int good = 1;

	begin("a.example", DNS_MX, 2);
	record_name("@", DNS_MX, 10, "mx1.example");
	record_name("mx1.example", DNS_A, 10, "x");
	len = m.len;
	for (m.len = 0; m.len < len; m.len++)
		good &= parse(DNS_MX) == -1;
	ok(good, "cut anywhere it is no answer");
	ok(parse(DNS_MX) == 0, "whole it is one");
	m.s[6] = 1;
	ok(parse(DNS_MX) == -1, "more records promised than are there");
}

static void
test_data(void)
{
	static struct {
		enum dns_type type;
		size_t shortest, longest;
	} const lengths[] = {
		{DNS_A, 4, 4}, {DNS_AAAA, 16, 16}, {DNS_TLSA, 4, 9999}, {DNS_TXT, 1, 18}};

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
		for (size_t n = 0; n < 19; n++) {
			char data[18] = {0};
			int good = n >= lengths[i].shortest && n <= lengths[i].longest;

			begin("a.example", lengths[i].type, 1);
			record("@", lengths[i].type, 1, data, n);
			ok(parse(lengths[i].type) == (good ? 0 : -1), "type %u with %zu bytes",
				(unsigned)lengths[i].type, n);
		}
	for (size_t n = 0; n < 5; n++) {
		begin("a.example", DNS_MX, 1);
		record("@", DNS_MX, 1, "\0\1\0\0\0", n);
		ok(parse(DNS_MX) == (n == 3 ? 0 : -1), "MX with %zu bytes", n);
	}
	begin("a.example", DNS_TXT, 1);
	record("@", DNS_TXT, 1, "\3ab", 3);
	ok(parse(DNS_TXT) == -1, "a string of TXT longer than its record");
	begin("a.example", DNS_MX, 1);
	record("@", DNS_MX, 1, "\0\1\3abc", 6);
	ok(parse(DNS_MX) == -1, "a name of MX that ends outside its record");
	begin("a.example", DNS_A, 1);
	record("@", DNS_A, 1, "abcd", 4);
	m.s[m.len - 5] = 5;
	ok(parse(DNS_A) == -1, "a length beyond the message");
}

/* One MX whose name is these bytes. */
static int
mx_of(char const *name, size_t len)
{
	char data[512] = {0, 10};

	begin("a.example", DNS_MX, 2);
	record_name("@", DNS_MX, 5, "good.example");
	memcpy(data + 2, name, len);
	record("@", DNS_MX, 1, data, len + 2);
	return parse(DNS_MX);
}

static void
test_foreign_names(void)
{
	static char const *const strange[] = {"\4a\0bc\1x", "\3a.b\1x", "\3a\nb\1x", "\3a b\1x",
		"\3a\x7f"
		"b\1x",
		"\3a\xff"
		"b\1x",
		"\1\x1b\1x"};
	static size_t const lengths[] = {8, 7, 7, 7, 7, 7, 5};

	for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
		ok(mx_of(strange[i], lengths[i]) == 0 && answer.ignored == 1 && answer.records == 1,
			"strange name %zu is ignored", i);
		lists("5:good.example ", "and the good one is not");
	}
	ok(mx_of("\1x\0", 3) == 0 && answer.records == 2, "a plain one is taken");
}

static void
test_pointers(void)
{
	char deep[400], label[300];
	size_t here;

	begin("a.example", DNS_MX, 1);
	put_name("@");
	put16(DNS_MX), put16(1), put16(0), put16(1), put16(4), put16(10);
	put16(0xc000u | (unsigned)m.len);
	ok(parse(DNS_MX) == -1, "a pointer to itself");
	begin("a.example", DNS_MX, 1);
	put_name("@");
	put16(DNS_MX), put16(1), put16(0), put16(1), put16(5), put16(10);
	put16(0xc000u | (unsigned)(m.len + 2));
	put("", 1);
	ok(parse(DNS_MX) == -1, "a pointer forward");
	ok(mx_of("\xff\xff", 2) == -1, "a pointer beyond the message");
	ok(mx_of("\xc0\x00", 2) == -1, "a pointer into the header");
	ok(mx_of("\xc0", 1) == -1, "half a pointer at the end of the message");
	ok(mx_of("\x80\x00", 2) == -1, "the reserved kind 10");
	ok(mx_of("\x40\x00", 2) == -1, "a label of 64 (the kind 01)");
	ok(mx_of("\1x\xc0\x0c", 4) == 0 && answer.records == 2, "a label before a pointer");
	/* A label whose pointer leads to itself: it would grow for ever. */
	begin("a.example", DNS_MX, 1);
	put_name("@");
	put16(DNS_MX), put16(1), put16(0), put16(1), put16(6), put16(10);
	here = m.len;
	put("\1x", 2);
	put16(0xc000u | (unsigned)here);
	ok(parse(DNS_MX) == -1, "a name that leads to its own beginning");
	/* Chains: each of 2 bytes points at the one before; the first at the question. */
	for (int n = 126; n <= 127; n++) {
		begin("a.example", DNS_A, 2);
		put_name("@");
		put16(DNS_TXT), put16(1), put16(0), put16(1);
		put16((unsigned)(n - 1) * 2);
		for (int i = 0; i < n - 1; i++)
			put16(0xc000u | (unsigned)(i ? m.len - 2 : 12));
		here = m.len;
		put16(0xc000u | (unsigned)(here - 2));
		put16(DNS_A), put16(1), put16(0), put16(1), put16(4);
		put("abcd", 4);
		ok(parse(DNS_A) == (n == 126 ? 0 : -1), "%d pointers", n);
	}
	/* 255 bytes of a name: three labels of 63, one of 61, the end. */
	memset(label, 'x', sizeof label);
	for (size_t last = 61; last <= 62; last++) {
		size_t len = 0;

		for (int i = 0; i < 3; i++) {
			deep[len++] = 63;
			memcpy(deep + len, label, 63);
			len += 63;
		}
		deep[len++] = (char)last;
		memcpy(deep + len, label, last);
		len += last;
		deep[len++] = 0;
		ok(mx_of(deep, len) == (last == 61 ? 0 : -1), "a name of %zu bytes", len);
	}
}

static void
chain(unsigned links)
{
	char from[20] = "a.example", to[20];

	begin("a.example", DNS_A, links + 1);
	for (unsigned i = 0; i < links; i++) {
		snprintf(to, sizeof to, "c%u.example", i);
		record_name(from, DNS_CNAME, -1, to);
		memcpy(from, to, sizeof to);
	}
	record(from, DNS_A, 1, "abcd", 4);
}

static void
test_links(void)
{
	chain(10);
	ok(parse(DNS_A) == 0 && answer.links == 10 && answer.records == 1 &&
			strcmp(answer.name.text, "c9.example") == 0,
		"ten CNAMEs");
	lists("0:61626364 ", "and the address behind them");
	chain(11);
	ok(parse(DNS_A) == -1, "eleven CNAMEs");
	begin("a.example", DNS_A, 2);
	record_name("@", DNS_CNAME, -1, "b.example");
	record_name("b.example", DNS_CNAME, -1, "@");
	ok(parse(DNS_A) == -1, "CNAMEs in a circle");
	begin("a.example", DNS_A, 3);
	record("b.example", DNS_A, 1, "abcd", 4);
	record("a.example", DNS_A, 1, "evil", 4);
	record_name("@", DNS_CNAME, -1, "b.example");
	ok(parse(DNS_A) == 0 && answer.records == 1, "a CNAME after its address");
	lists("0:61626364 ", "hides what else is at its name");
	begin("a.example", DNS_A, 1);
	record_name("@", DNS_CNAME, -1, "b.example");
	ok(parse(DNS_A) == 0 && answer.records == 0 && answer.links == 1 &&
			strcmp(answer.name.text, "b.example") == 0,
		"a CNAME without what it leads to");
	begin("a.example", DNS_A, 2);
	record("@", DNS_CNAME, 1, "\3a\nb", 5);
	record("@", DNS_A, 1, "abcd", 4);
	ok(parse(DNS_A) == 0 && answer.records == 0 && answer.ignored == 1,
		"a CNAME to a strange name leads nowhere");
	begin("a.example", DNS_CNAME, 1);
	record_name("@", DNS_CNAME, -1, "b.example");
	ok(parse(DNS_CNAME) == 0 && answer.records == 1 && answer.links == 0,
		"a CNAME that was asked for is not followed");
}

static void
test_many(void)
{
	char mx[40];

	begin("a.example", DNS_MX, 3000);
	for (int i = 0; i < 3000; i++) {
		snprintf(mx, sizeof mx, "m%d", i);
		record_name("@", DNS_MX, i, mx);
	}
	ok(m.len > 60000 && m.len < 65536 && parse(DNS_MX) == 0 && answer.records == 3000,
		"3000 MX in one message");
}

/* Starts an answer with so many records, then that SOA beside it. */
static void
begin_beside(unsigned answers, unsigned flags)
{
	begin("a.example", DNS_A, answers);
	m.s[3] = (char)flags;
	m.s[9] = 1;
}

static void
soa(unsigned ttl, unsigned minimum)
{
	char data[2 + 20] = {0};

	data[20] = (char)(minimum >> 8);
	data[21] = (char)minimum;
	record("example", 6, ttl, data, sizeof data);
}

static void
lives(uint32_t want, char const *name)
{
	ok(parse(DNS_A) == 0 && dns_answer_lifetime(&answer) == want, "%s: kept for %u seconds",
		name, (unsigned)want);
}

enum { SAYS_NOERROR = 0x80, SAYS_SERVFAIL = 0x82, SAYS_NXDOMAIN = 0x83 };

static void
test_lifetime(void)
{
	begin("a.example", DNS_A, 2);
	record("@", DNS_A, 300, "1234", 4);
	record("@", DNS_A, 200, "1235", 4);
	lives(200, "the least TTL");
	begin("a.example", DNS_A, 2);
	record_name("@", DNS_CNAME, -1, "b.example");
	record("b.example", DNS_A, 300, "1234", 4);
	lives(60, "that of a CNAME too");
	begin("a.example", DNS_A, 1);
	record("@", DNS_A, 0, "1234", 4);
	lives(0, "a TTL of 0");
	begin_beside(0, SAYS_NOERROR);
	soa(900, 100);
	lives(100, "nothing: the minimum of the SOA");
	begin_beside(0, SAYS_NXDOMAIN);
	soa(90, 100);
	lives(90, "no such name: its TTL when that is less");
	begin_beside(1, SAYS_NXDOMAIN);
	record_name("@", DNS_CNAME, -1, "b.example");
	soa(900, 100);
	lives(60, "no such name after a CNAME: the least of all");
	begin("a.example", DNS_A, 0);
	lives(0, "nothing, without a SOA");
	begin_beside(0, SAYS_SERVFAIL);
	soa(900, 100);
	lives(0, "SERVFAIL");
	begin_beside(0, SAYS_NOERROR);
	record("example", 6, 900, "\0\0", 2);
	lives(0, "a SOA that is too short");
	begin_beside(0, SAYS_NOERROR);
	soa(900, 100);
	m.len--;
	lives(0, "one that is cut off");
	begin_beside(0, SAYS_NOERROR);
	record("example", DNS_A, 900, "1234", 4);
	lives(0, "another record in its place");
}

int
main(void)
{
	test_names();
	test_query();
	test_good();
	test_header();
	test_cut();
	test_data();
	test_foreign_names();
	test_pointers();
	test_links();
	test_many();
	test_lifetime();
	return tap_end();
}
