/* What a client may have in a time, and who is forgotten when there are many. */
#include "service/rates.h"

#include <stdio.h>
#include <string.h>

#include "tests/tap.h"

enum { HOUR = 3600 * 1000 };

static struct netaddress
address(char const *text)
{
	struct netaddress a;

	netaddress_parse(&a, span_string(text));
	return a;
}

/* The i-th of many clients. */
static struct netaddress
crowd(uint32_t i)
{
	struct netaddress a = address("10.0.0.0");

	a.bytes[13] = (unsigned char)(i >> 16);
	a.bytes[14] = (unsigned char)(i >> 8);
	a.bytes[15] = (unsigned char)i;
	return a;
}

static void
evenly(void)
{
	static struct rates rates;
	struct rate_limit const limits[RATES] = {[RATE_MESSAGES] = {100, 3600}};
	struct netaddress a = address("192.0.2.1"), b = address("192.0.2.2");
	int64_t now = 5 * HOUR;

	ok(rates_configure(&rates, limits) == 0, "a limit of messages");
	ok(rates_take(&rates, &a, RATE_RECIPIENTS, 7, now) == 7, "there is none of recipients");
	ok(rates_take(&rates, &a, RATE_MESSAGES, 60, now) == 60, "60 of 100 an hour at once");
	ok(!rates_is_over(&rates, &a, RATE_MESSAGES, now), "not over it");
	ok(rates_take(&rates, &a, RATE_MESSAGES, 60, now) == 40, "and the other 40");
	ok(rates_is_over(&rates, &a, RATE_MESSAGES, now), "over it");
	ok(rates_take(&rates, &a, RATE_MESSAGES, 1, now) == 0, "not one more");
	ok(rates_take(&rates, &b, RATE_MESSAGES, 1, now) == 1, "another client has his own");
	ok(rates_take(&rates, &a, RATE_MESSAGES, 1, now + 35 * 1000) == 0, "not after 35 s");
	ok(rates_take(&rates, &a, RATE_MESSAGES, 2, now + 36 * 1000) == 1, "one after 36 s");
	rates_return(&rates, &a, RATE_MESSAGES, 5);
	ok(rates_take(&rates, &a, RATE_MESSAGES, 9, now + 36 * 1000) == 5, "what is given back");
	rates_return(&rates, &b, RATE_MESSAGES, UINT32_MAX);
	ok(rates_take(&rates, &b, RATE_MESSAGES, 200, now) == 200 ||
			rates_take(&rates, &b, RATE_MESSAGES, 200, now) == 0,
		"too much given back does no harm");
	ok(rates_take(&rates, &a, RATE_MESSAGES, 200, now + 2 * HOUR) == 100,
		"all of it two hours later, and no more");
}

static void
networks(void)
{
	static struct rates rates;
	struct rate_limit const limits[RATES] = {[RATE_CONNECTIONS] = {1, 60}};
	struct netaddress a = address("2001:db8:1:2::1"), b = address("2001:db8:1:2:ffff::9");
	struct netaddress c = address("2001:db8:1:3::1"), d = address("192.0.2.1");
	struct netaddress e = address("192.0.2.2");

	rates_configure(&rates, limits);
	ok(rates_take(&rates, &a, RATE_CONNECTIONS, 1, 1000) == 1, "an address of IPv6");
	ok(rates_take(&rates, &b, RATE_CONNECTIONS, 1, 1000) == 0, "another of its /64");
	ok(rates_take(&rates, &c, RATE_CONNECTIONS, 1, 1000) == 1, "one of another /64");
	ok(rates_take(&rates, &d, RATE_CONNECTIONS, 1, 1000) == 1, "an address of IPv4");
	ok(rates_take(&rates, &e, RATE_CONNECTIONS, 1, 1000) == 1, "its neighbour");
}

static void
errors(void)
{
	static struct rates rates;
	struct rate_limit const limits[RATES] = {[RATE_ERRORS] = {10, 60}};
	struct netaddress a = address("192.0.2.1");

	rates_configure(&rates, limits);
	rates_count(&rates, &a, RATE_ERRORS, 9, 1000);
	ok(!rates_is_over(&rates, &a, RATE_ERRORS, 1000), "nine errors of ten");
	rates_count(&rates, &a, RATE_ERRORS, UINT32_MAX, 1000);
	ok(rates_is_over(&rates, &a, RATE_ERRORS, 1000 + 5999), "far too many");
	ok(!rates_is_over(&rates, &a, RATE_ERRORS, 1000 + 6000), "weigh no more than the limit");
}

/* An offender stays known while a million others come once each. */
static void
offender(void)
{
	static struct rates rates;
	struct rate_limit const limits[RATES] = {[RATE_CONNECTIONS] = {20, 3600}};
	struct netaddress bad = address("192.0.2.66");
	unsigned refused = 0;

	rates_configure(&rates, limits);
	ok(rates_take(&rates, &bad, RATE_CONNECTIONS, 99, 1000) == 20, "one takes all he may");
	for (uint32_t i = 0; i < 1000000; i++) {
		struct netaddress one = crowd(i);

		refused += rates_take(&rates, &one, RATE_CONNECTIONS, 1, 1000) == 0;
	}
	ok(refused == 0, "a million others are not refused");
	ok(rates_take(&rates, &bad, RATE_CONNECTIONS, 1, 1000) == 0, "and he is not forgotten");
}

static void
extremes(void)
{
	static struct rates rates;
	struct rate_limit const high[RATES] = {[RATE_RECIPIENTS] = {1000000000, 1}};
	struct rate_limit const low[RATES] = {[RATE_RECIPIENTS] = {1, 86400}};
	struct rate_limit const none[RATES] = {{0, 0}};
	struct netaddress a = address("192.0.2.1");

	rates_configure(&rates, high);
	ok(rates_take(&rates, &a, RATE_RECIPIENTS, 1000000, 0) == 1000000,
		"a limit beyond what a clock can tell");
	rates_configure(&rates, low);
	rates_count(&rates, &a, RATE_RECIPIENTS, UINT32_MAX, 0);
	ok(rates_is_over(&rates, &a, RATE_RECIPIENTS, 86399999), "one a day, to its end");
	ok(!rates_is_over(&rates, &a, RATE_RECIPIENTS, 86400000), "and not beyond");
	rates_configure(&rates, none);
	ok(rates_take(&rates, &a, RATE_RECIPIENTS, UINT32_MAX, 0) == UINT32_MAX,
		"without a limit all may be had");
}

int
main(void)
{
	evenly();
	networks();
	errors();
	offender();
	extremes();
	return tap_end();
}
