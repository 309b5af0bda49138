#include "wire/envelope.h"

#include <stdlib.h>

#include "tests/tap.h"

#define TEXT(literal) literal, sizeof(literal) - 1

static struct {
	char const *s;
	size_t len;
	int result;
	char const *sender;
	uint64_t recipients;
} const stored[] = {
	{TEXT("Fa@b\0Tc@d\0"), 0, "a@b", 1},
	{TEXT("F\0Tc@d\0Te\0"), 0, "", 2},
	{TEXT("F\0"), 0, "", 0},
	{TEXT("u7\0p12\0vnetwork\0F\0Tx\0"), 0, "", 1},
	{TEXT("u18446744073709551615\0F\0"), 0, "", 0},
	{TEXT("u18446744073709551616\0F\0"), -1, NULL, 0},
	{TEXT("u\0F\0"), -1, NULL, 0},
	{TEXT("ux\0F\0"), -1, NULL, 0},
	{TEXT("F\0ux\0Tx\0"), 0, "", 1}, /* means nothing there */
	{TEXT("Zanything\0F\0Yof it\0Tx\0"), 0, "", 1},
	{TEXT("F\0F\0"), -1, NULL, 0},
	{TEXT("Tx\0F\0"), -1, NULL, 0},
	{TEXT(""), -1, NULL, 0},
	{TEXT("F"), -1, NULL, 0},
	{TEXT("Fa"), -1, NULL, 0},
	{TEXT("F\0Tx"), -1, NULL, 0},
	{TEXT("F\0\0"), -1, NULL, 0},
	{TEXT("F\0001\0"), -1, NULL, 0},
	{TEXT("u7\0"), -1, NULL, 0},
};

static struct {
	char const *s;
	size_t len;
	enum envelope_state state;
	size_t kept;
	uint64_t recipients;
} const given[] = {
	{TEXT("Fa@b\0Tc@d\0\0"), ENVELOPE_COMPLETE, 10, 1},
	{TEXT("Fa@b\0Tc@d\0\0more"), ENVELOPE_COMPLETE, 10, 1},
	{TEXT("F\0\0"), ENVELOPE_COMPLETE, 2, 0},
	{TEXT("b8\0U\0F\0Ndelay\0Tx\0Ty\0\0"), ENVELOPE_COMPLETE, 20, 2},
	{TEXT("F\0T\0\0"), ENVELOPE_COMPLETE, 4, 1},
	{TEXT(""), ENVELOPE_BEFORE_SENDER, 0, 0},
	{TEXT("F"), ENVELOPE_IN_SENDER, 1, 0},
	{TEXT("b"), ENVELOPE_IN_RECORD, 1, 0},
	{TEXT("F\0"), ENVELOPE_BEFORE_RECIPIENT, 2, 0},
	{TEXT("F\0Tx"), ENVELOPE_IN_RECIPIENT, 4, 0},
	{TEXT("F\0Nx"), ENVELOPE_IN_EXTRA, 4, 0},
	{TEXT("F\0Tx\0"), ENVELOPE_BEFORE_RECIPIENT, 5, 1},
	{TEXT("\0"), ENVELOPE_WRONG, 0, 0},
	{TEXT("Tx\0"), ENVELOPE_WRONG, 0, 0},
	{TEXT("F\0F\0"), ENVELOPE_WRONG, 2, 0},
	{TEXT("F\0 x\0"), ENVELOPE_WRONG, 2, 0},
	{TEXT("1\0F\0"), ENVELOPE_WRONG, 0, 0},
	{TEXT("\xc4\0F\0"), ENVELOPE_WRONG, 0, 0},
	{TEXT("b8\0\0"), ENVELOPE_WRONG, 3, 0},
};

static void
test_parse(void)
{
	for (size_t i = 0; i < sizeof stored / sizeof stored[0]; i++) {
		struct envelope e;
		int r = envelope_parse(&e, stored[i].s, stored[i].len);

		ok(r == stored[i].result, "stored envelope %zu", i);
		if (r == -1)
			continue;
		ok(e.recipients == stored[i].recipients, "its recipients");
		same(e.sender.s, e.sender.len, stored[i].sender, strlen(stored[i].sender),
			"its sender");
	}
}

static void
test_records(void)
{
	static char const s[] = "u1000\0p77\0vnetwork\0hmx.example\0a192.0.2.1\0wESMTP\0b8\0U\0"
				"Fa@b\0Nnever\0Tc@d\0Te@f\0";
	struct envelope e;
	struct span recipient;
	size_t position = 0;

	ok(envelope_parse(&e, s, sizeof s - 1) == 0, "an envelope with all records");
	ok(e.uid == 1000 && e.pid == 77 && e.body == BODY_8BIT && e.smtputf8, "numbers, flags");
	ok(span_equal(e.via, SPAN_LITERAL("network")) &&
			span_equal(e.helo, SPAN_LITERAL("mx.example")) &&
			span_equal(e.address, SPAN_LITERAL("192.0.2.1")) &&
			span_equal(e.protocol, SPAN_LITERAL("ESMTP")),
		"texts");
	ok(envelope_recipient_next(&e, &position, &recipient) == 1 &&
			span_equal(recipient, SPAN_LITERAL("c@d")),
		"the first recipient, after a record of its own");
	ok(envelope_recipient_next(&e, &position, &recipient) == 1 &&
			span_equal(recipient, SPAN_LITERAL("e@f")),
		"the second");
	ok(envelope_recipient_next(&e, &position, &recipient) == 0, "and no third");
	ok(envelope_recipient_next(&e, &position, &recipient) == 0, "asked again, neither");
}

static void
test_priority(void)
{
	static struct {
		char const *s;
		size_t len;
		int priority;
	} const spelled[] = {
		{TEXT("F\0Tx\0"), 0}, {TEXT("P0\0F\0Tx\0"), 0}, {TEXT("P8\0F\0Tx\0"), 8},
		{TEXT("P9\0F\0Tx\0"), 9}, {TEXT("P10\0F\0Tx\0"), 0}, {TEXT("P-8\0F\0Tx\0"), -8},
		{TEXT("P-9\0F\0Tx\0"), -9}, {TEXT("P-10\0F\0Tx\0"), 0}, {TEXT("P\0F\0Tx\0"), 0},
		{TEXT("P-\0F\0Tx\0"), 0}, {TEXT("P+1\0F\0Tx\0"), 0}, {TEXT("P1 \0F\0Tx\0"), 0},
		{TEXT("F\0P9\0Tx\0"), 0}, /* means nothing there */
	};

	for (size_t i = 0; i < sizeof spelled / sizeof spelled[0]; i++) {
		struct envelope e;

		ok(envelope_parse(&e, spelled[i].s, spelled[i].len) == 0 &&
				e.priority == spelled[i].priority,
			"the priority of envelope %zu is %d", i, spelled[i].priority);
	}
}

static void
test_check(void)
{
	for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
		for (size_t size = 1; size <= 64; size *= 8) {
			struct envelope_check check = ENVELOPE_CHECK_ZERO;
			size_t total = 0, kept;

			for (size_t at = 0; at < given[i].len && check.state < ENVELOPE_COMPLETE;
				at += size) {
				size_t n = given[i].len - at < size ? given[i].len - at : size;

				envelope_check(&check, given[i].s + at, n, &kept);
				total += kept;
			}
			ok(check.state == given[i].state && total == given[i].kept &&
					check.recipients == given[i].recipients,
				"given envelope %zu in pieces of %zu", i, size);
		}
}

/* A record whose value has len bytes, as a client gives it and as an entry keeps it. */
static void
test_limit_of(char letter, size_t max, enum envelope_state too_long)
{
	for (size_t len = max - 1; len <= max + 1; len++)
		for (size_t size = 1; size < 2000; size += 999) {
			struct envelope_check check = ENVELOPE_CHECK_ZERO;
			stralloc sa = STRALLOC_ZERO;
			struct envelope e;
			size_t kept;

			if (letter == 'T' || letter == 'N')
				stralloc_catb(&sa, "F", 2);
			stralloc_catb(&sa, &letter, 1);
			for (size_t i = 0; i < len; i++)
				stralloc_catb(&sa, "x", 1);
			stralloc_0(&sa);
			if (letter == 'b')
				stralloc_catb(&sa, "F", 2);
			for (size_t at = 0; at < sa.len; at += size)
				envelope_check(&check, sa.s + at,
					sa.len - at < size ? sa.len - at : size, &kept);
			ok(len <= max ? check.state == ENVELOPE_BEFORE_RECIPIENT
				      : check.state == too_long,
				"a %c record of %zu bytes in pieces of %zu", letter, len, size);
			ok((envelope_parse(&e, sa.s, sa.len) == 0) == (len <= max), "and stored");
			stralloc_free(&sa);
		}
}

static void
test_append(void)
{
	stralloc sa = STRALLOC_ZERO;

	envelope_append(&sa, 'F', SPAN_LITERAL(""));
	envelope_append(&sa, 'T', SPAN_LITERAL("a@b"));
	same(sa.s, sa.len, "F\0Ta@b\0", 7, "records are written");
	stralloc_free(&sa);
}

int
main(void)
{
	test_parse();
	test_records();
	test_priority();
	test_check();
	test_limit_of('F', ADDRESS_LIMIT - 1, ENVELOPE_TOO_LONG);
	test_limit_of('T', ADDRESS_LIMIT - 1, ENVELOPE_TOO_LONG);
	test_limit_of('b', ENVELOPE_VALUE_MAX, ENVELOPE_WRONG);
	test_limit_of('N', ENVELOPE_VALUE_MAX, ENVELOPE_WRONG);
	test_append();
	return tap_end();
}
