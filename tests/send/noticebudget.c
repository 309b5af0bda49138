#include "send/noticebudget.c"

#include <stdio.h>

#include "tests/tap.h"

enum { SECOND = 1000000, START = 1000 };

static struct notice_rate to_address, to_domain;
static int64_t now = (int64_t)START * SECOND;
static int first;

static uint64_t
take(char const *address)
{
	return noticebudget_take(span_string(address), &to_address, &to_domain, now, &first);
}

/* A case of its own, in which nothing was counted before. */
static void
limits(uint64_t count, uint64_t seconds, uint64_t domain_count, uint64_t domain_seconds)
{
	memset(shares, 0, sizeof shares);
	to_address = (struct notice_rate){count, seconds};
	to_domain = (struct notice_rate){domain_count, domain_seconds};
}

static void
an_address(void)
{
	uint64_t wait;

	limits(3, 300, 1000, 300);
	ok(take("a@x") == 0 && take("A@x") == 0 && take("a@X") == 0, "as many as the limit says");
	wait = take("a@x");
	ok(wait > 90 && wait <= 101 && first, "the next one waits for its share of the time");
	wait = take("a@x");
	ok(wait > 190 && wait <= 201 && !first, "the one after that for twice as long");
	ok(take("b@x") == 0, "another address does not");
	now += (int64_t)101 * SECOND;
	ok(take("a@x") == 0, "who comes in time is let through");
	ok(take("a@x") > 0, "and nobody else");
	now += (int64_t)1000 * SECOND;
	ok(take("a@x") == 0 && take("a@x") == 0 && take("a@x") == 0 && take("a@x") > 0 && first,
		"after a long rest it begins anew, and has no more than before");
}

static void
a_domain(void)
{
	limits(1000, 300, 2, 300);
	ok(take("a@x") == 0 && take("b@x") == 0 && take("c@x") > 0, "a domain has its limit");
	ok(take("a@y") == 0, "another domain its own");
	limits(1, 300, 2, 300);
	ok(take("a@x") == 0 && take("a@x") > 0 && take("a@x") > 0 && take("b@x") == 0,
		"who waits for the limit of the address uses up nothing of the domain");
	limits(2, 300, 1, 300);
	ok(take("") == 0 && take("") == 0 && take("") > 0,
		"the postmaster has no domain, and the limit of an address");
}

static void
a_storm(void)
{
	uint64_t longest = 0, wait;
	unsigned through = 0;
	char address[40];

	limits(10, 3600, 1000000000, 3600);
	for (int i = 0; i < 100000; i++) {
		wait = take("victim@x");
		through += wait == 0;
		longest = wait > longest ? wait : longest;
	}
	ok(through == 10, "of 100,000 at once as many as the limit");
	ok(longest <= WAIT_MAX, "none waits so long that a change is not seen");
	through = 0;
	for (int i = 0; i < 100000; i++) {
		snprintf(address, sizeof address, "user%d@x", i);
		through += take(address) == 0;
	}
	ok(through == 100000, "100,000 addresses with one each are not kept waiting");
	ok(take("victim@x") > 0, "and do not make it forget who had most");
	to_address.count = 20;
	ok(take("victim@x") == 0, "a change of the limit does");
}

/* Over a long time, with as many as wait, the rate is kept. */
static void
a_queue(void)
{
	enum { MESSAGES = 500 };
	static int64_t due[MESSAGES];
	unsigned through = 0, asked = 0;
	int64_t end = now + (int64_t)100 * 3600 * SECOND;

	limits(10, 3600, 1000000000, 3600);
	for (int i = 0; i < MESSAGES; i++)
		due[i] = now;
	for (; now < end && through < MESSAGES; now += (int64_t)10 * SECOND)
		for (int i = 0; i < MESSAGES; i++) {
			uint64_t wait;

			if (due[i] > now)
				continue;
			asked++;
			wait = take("victim@x");
			through += wait == 0;
			due[i] = wait ? now + (int64_t)wait * SECOND : INT64_MAX;
		}
	ok(through == MESSAGES, "all that wait come through (%u)", through);
	ok((now - end) / SECOND / 3600 < -45, "not later than the rate allows, about");
	ok(asked < MESSAGES * 30, "and do not ask all the time (%u)", asked);
}

int
main(void)
{
	an_address();
	a_domain();
	a_storm();
	a_queue();
	return tap_end();
}
