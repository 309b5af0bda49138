#include "wire/route.h"

#include "tests/tap.h"

/* Writes what was understood: host port rank, one after the other. */
static char const *
shown(struct span value)
{
	static char text[4096];
	struct route route;
	char const *reason = "";
	size_t len = 0;

	if (route_parse(&route, value, &reason) == -1)
		return *reason ? "error" : "error without a reason";
	text[0] = '\0';
	for (size_t i = 0; i < route.relays; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s%.*s %u %u",
			i ? "; " : "", route.relay[i].protocol == RELAY_LMTP ? "lmtp " : "",
			(int)route.relay[i].host.len, route.relay[i].host.s, route.relay[i].port,
			route.relay[i].rank);
	if (!route.relays)
		len = (size_t)snprintf(text, sizeof text, "MX");
	for (int family = 0; family < ROUTE_FAMILIES; family++) {
		char source[NETADDRESS_TEXT_MAX];

		netaddress_format(source, &route.source[family]);
		if (route.bound[family])
			len += (size_t)snprintf(text + len, sizeof text - len, " from %s", source);
	}
	if (route.helo.len)
		snprintf(text + len, sizeof text - len, " as %.*s", (int)route.helo.len,
			route.helo.s);
	return text;
}

static struct {
	char const *value, *want;
} const table[] = {
	/* qmail's values */
	{"", "MX"},
	{"relay.example", "relay.example 25 0"},
	{"relay.example:2525", "relay.example 2525 0"},
	{"192.0.2.1", "192.0.2.1 25 0"},
	{"192.0.2.1:26", "192.0.2.1 26 0"},
	{"[192.0.2.1]", "192.0.2.1 25 0"},
	{"[192.0.2.1]:26", "192.0.2.1 26 0"},
	{"mailhub", "mailhub 25 0"},
	/* IPv6 */
	{"[2001:db8::1]", "2001:db8::1 25 0"},
	{"[2001:db8::1]:587", "2001:db8::1 587 0"},
	{"[::1]", "::1 25 0"},
	{"2001:db8::1", "error"},
	{"[2001:db8::1", "error"},
	{"[2001:db8::1]587", "error"},
	{"[2001:db8::1]:", "error"},
	{"[2001:db8::12345]", "error"},
	{"[relay.example]", "error"},
	{"[]", "error"},
	{"[fe80::1%eth0]", "error"},
	/* ports */
	{"a:1", "a 1 0"},
	{"a:65535", "a 65535 0"},
	{"a:65536", "error"},
	{"a:0", "error"},
	{"a:", "error"},
	{"a:-1", "error"},
	{"a:25x", "error"},
	{"a:1:2", "error"},
	{":25", "error"},
	/* alternatives and equals */
	{"a,b", "a 25 0; b 25 1"},
	{"a+b", "a 25 0; b 25 0"},
	{"a+b,c:26+[::1]:27,d", "a 25 0; b 25 0; c 26 1; ::1 27 1; d 25 2"},
	{"a,a", "a 25 0; a 25 1"},
	{"a,", "error"},
	{",a", "error"},
	{"a,,b", "error"},
	{"a++b", "error"},
	{"a,+b", "error"},
	{"+", "error"},
	{",", "error"},
	{"a, b", "error"},
	/* LMTP */
	{"lmtp", "lmtp 25 0"},
	{"lmtp:24", "lmtp 24 0"},
	{"lmtp:024", "lmtp 24 0"},
	{"lmtp:70000", "error"},
	{"lmtp:", "error"},
	{"lmtp:host", "lmtp host 24 0"},
	{"lmtp:host:2003", "lmtp host 2003 0"},
	{"lmtp:host:25", "error"},
	{"lmtp:192.0.2.1", "lmtp 192.0.2.1 24 0"},
	{"lmtp:192.0.2.1:26", "lmtp 192.0.2.1 26 0"},
	{"lmtp:[::1]", "lmtp ::1 24 0"},
	{"lmtp:[::1]:26", "lmtp ::1 26 0"},
	{"lmtp:lmtp:24", "lmtp lmtp 24 0"},
	{"lmtp:host:", "error"},
	{"lmtp:host:x", "error"},
	{"lmtp::24", "error"},
	{"LMTP:host", "lmtp host 24 0"},
	{"lmtp:/run/lmtp", "lmtp /run/lmtp 0 0"},
	{"lmtp:/run/a:24", "lmtp /run/a:24 0 0"},
	{"lmtp:/a+lmtp:/b,host:26", "lmtp /a 0 0; lmtp /b 0 0; host 26 1"},
	{"lmtp:/a helo=out.example", "lmtp /a 0 0 as out.example"},
	{"lmtp:/", "error"},
	{"lmtp:/a=b", "error"},
	{"lmtp:/a\x7f", "error"},
	/* options */
	{"a bind=192.0.2.1", "a 25 0 from 192.0.2.1"},
	{"a\tbind=2001:db8::1 \t bind=192.0.2.1 helo=out.example",
		"a 25 0 from 192.0.2.1 from 2001:db8::1 as out.example"},
	{" helo=out.example", "MX as out.example"},
	{"\thelo=out.example ", "MX as out.example"},
	{" bind=0.0.0.0", "MX from 0.0.0.0"},
	{"a bind=192.0.2.1 bind=192.0.2.2", "error"},
	{"a bind=::1 bind=::2", "error"},
	{"a bind=", "error"},
	{"a bind=[::1]", "error"},
	{"a bind=host.example", "error"},
	{"a helo=", "error"},
	{"a helo=a..b", "error"},
	{"a helo=one helo=two", "error"},
	{"a helo=one auth=me", "error"},
	{"a =one", "error"},
	{"a BIND=192.0.2.1", "error"},
	{"bind=192.0.2.1", "error"},
	/* what other programs have */
	{"relay.example;26", "error"},
	{"relay.example:587|user|pass", "error"},
	{"relay.example:25:10:3600", "error"},
	{"a ", "a 25 0"},
	{"a\t ", "a 25 0"},
	{"a tls=require", "error"},
	{"a b", "error"},
	{" tls=require", "error"},
	{" ", "MX"},
	/* names */
	{"a..b", "error"},
	{"relay.example.", "relay.example. 25 0"},
	{"a\x01", "error"},
	{"a\xc3\xa4.example", "error"},
};

static void
test_source(void)
{
	struct route route;
	struct netaddress v4, v6;
	char const *reason;

	netaddress_parse(&v4, SPAN_LITERAL("198.51.100.1"));
	netaddress_parse(&v6, SPAN_LITERAL("2001:db8::2"));
	route_parse(&route, SPAN_LITERAL("a"), &reason);
	ok(!route_source(&route, &v4) && !route_source(&route, &v6), "no bind=: from any address");
	ok(route_allows(&route, &v4) && route_allows(&route, &v6), "to any address");
	route_parse(&route, SPAN_LITERAL("a bind=192.0.2.1"), &reason);
	ok(route_source(&route, &v4) == &route.source[ROUTE_V4], "bind= is where to come from");
	ok(route_allows(&route, &v4) && !route_allows(&route, &v6), "IPv4 goes to IPv4 only");
	route_parse(&route, SPAN_LITERAL("a bind=2001:db8::9"), &reason);
	ok(!route_allows(&route, &v4) && route_allows(&route, &v6), "IPv6 to IPv6 only");
	route_parse(&route, SPAN_LITERAL("a bind=2001:db8::9 bind=192.0.2.1"), &reason);
	ok(route_allows(&route, &v4) && route_allows(&route, &v6), "and both to both");
}

int
main(void)
{
	char many[200] = "a";

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		char const *got = shown(span_string(table[i].value));

		if (!ok(strcmp(got, table[i].want) == 0, "'%s' is %s", table[i].value,
			    table[i].want))
			printf("# got %s\n", got);
	}
	for (int n = 2; n <= 33; n++) {
		strcat(many, n % 2 ? ",a" : "+a");
		if (n >= 31)
			ok((strcmp(shown(span_string(many)), "error") == 0) == (n == 33),
				"%d relays", n);
	}
	ok(strcmp(shown(span("a\0b", 3)), "error") == 0, "a NUL");
	for (size_t n = ROUTE_PATH_MAX - 1; n <= ROUTE_PATH_MAX + 1; n++) {
		snprintf(many, sizeof many, "lmtp:/%0*d", (int)n - 1, 0);
		ok((strcmp(shown(span_string(many)), "error") == 0) == (n > ROUTE_PATH_MAX),
			"a path of %zu bytes", n);
	}
	test_source();
	return tap_end();
}
