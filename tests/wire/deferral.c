#include "wire/deferral.h"

#include "tests/tap.h"

static struct {
	enum verdict verdict;
	char const *text;
	enum deferral_class class;
	uint32_t hint;
} const cases[] = {
	{VERDICT_DEFERRED,
		"192.0.2.1 does not like recipient./Remote host said: 451 4.7.1 Greylisting in action, please come back in 00:05:00",
		DEFERRAL_GREYLIST, 300},
	{VERDICT_DEFERRED,
		"x/Remote host said: 450 4.2.0 <b@x>: Recipient address rejected: Greylisted, see https://postgrey.example/help",
		DEFERRAL_GREYLIST, 0},
	{VERDICT_DEFERRED, "x/Remote host said: 451 graylisted, try again in 5 minutes",
		DEFERRAL_GREYLIST, 300},
	{VERDICT_DEFERRED, "x/Remote host said: 451 greylisted: retry after 120 seconds",
		DEFERRAL_GREYLIST, 120},
	{VERDICT_DEFERRED, "x/Remote host said: 451 greylisted for 45s", DEFERRAL_GREYLIST, 45},
	{VERDICT_DEFERRED, "x/Remote host said: 451 greylisted for 9 hours", DEFERRAL_GREYLIST,
		3600},
	{VERDICT_DEFERRED, "x/Remote host said: 452 4.2.2 mailbox full", DEFERRAL_REPLY, 0},
	{VERDICT_DEFERRED, "x/Remote host said: 421 too many connections", DEFERRAL_REPLY, 0},
	{VERDICT_DEFERRED, "Unable to connect to 192.0.2.1 port 25: Connection refused. (#4.4.1)",
		DEFERRAL_CONNECT, 0},
	{VERDICT_DEFERRED, "Connected to 192.0.2.1 but connection died. (#4.4.2)", DEFERRAL_CONNECT,
		0},
	{VERDICT_TROUBLE, "CNAME lookup failed temporarily. (#4.4.3)", DEFERRAL_DNS, 0},
	{VERDICT_TROUBLE, "Unable to connect to 192.0.2.1 port 25: Too many open files. (#4.4.1)",
		DEFERRAL_OTHER, 0},
	{VERDICT_TROUBLE, "The delivery program ended before it reported. (#4.3.0)", DEFERRAL_OTHER,
		0},
	{VERDICT_DEFERRED, "", DEFERRAL_OTHER, 0},
	{VERDICT_DEFERRED, "x/Remote host said: 451 greylisted 99999999999999999999 minutes",
		DEFERRAL_GREYLIST, 0},
};

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct span text = span_string(cases[i].text);

		ok(deferral_classify(cases[i].verdict, text) == cases[i].class, "'%s' is '%s'",
			cases[i].text, deferral_class_name(cases[i].class));
		ok(deferral_hint(text) == cases[i].hint, "and asks for %u seconds", cases[i].hint);
	}
	return tap_end();
}
