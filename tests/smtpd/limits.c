/* What settings about limits and lists say, and what an answer of a list means. */
#include "smtpd/limits.h"
#include "smtpd/dnsbls.h"
#include "smtpd/reason.h"

#include "tests/tap.h"

static struct {
	char const *text;
	int result;
	uint32_t count, seconds;
} const rates_read[] = {
	{"100/1h", 0, 100, 3600},
	{" 100 / 1h ", 0, 100, 3600},
	{"1/1", 0, 1, 1},
	{"1000000000/1d", 0, 1000000000, 86400},
	{"1000000001/1d", -1, 0, 0},
	{"1/86400", 0, 1, 86400},
	{"1/86401", -1, 0, 0},
	{"0/1h", -1, 0, 0},
	{"1/0", -1, 0, 0},
	{"1/", -1, 0, 0},
	{"/1", -1, 0, 0},
	{"1", -1, 0, 0},
	{"-1/1h", -1, 0, 0},
	{"1/1h/1h", -1, 0, 0},
};

static struct {
	char const *line;
	int result;
} const lists[] = {
	{"bl.example.org", 0},
	{"bl.example.org:2", 0},
	{"bl.example.org:2-254", 0},
	{"bl.example.org: 2-4 , 9 ", 0},
	{"bl.example.org:1", -1},
	{"bl.example.org:255", -1},
	{"bl.example.org:4-2", -1},
	{"bl.example.org:2,", 0},
	{"bl.example.org:", -1},
	{"bl.example.org:,2", -1},
	{"bl.example.org:127.0.0.2", -1},
	{":2", -1},
	{"bl..example.org", -1},
	{"bl example", -1},
};

static struct {
	char const *line, *answer;
	enum dnsbl_meaning want;
} const answers[] = {
	{"bl.test", "127.0.0.2", DNSBL_LISTED},
	{"bl.test", "127.0.0.254", DNSBL_LISTED},
	{"bl.test", "127.0.0.255", DNSBL_NOTHING},
	{"bl.test", "127.0.0.1", DNSBL_ALARM},
	{"bl.test", "127.0.0.0", DNSBL_NOTHING},
	{"bl.test", "127.0.1.2", DNSBL_NOTHING},
	{"bl.test", "127.255.255.254", DNSBL_ALARM},
	{"bl.test", "127.255.255.252", DNSBL_ALARM},
	{"bl.test", "127.255.0.2", DNSBL_NOTHING},
	{"bl.test", "192.0.2.1", DNSBL_ALARM},
	{"bl.test", "2001:db8::2", DNSBL_ALARM},
	{"bl.test:4,9-10", "127.0.0.4", DNSBL_LISTED},
	{"bl.test:4,9-10", "127.0.0.10", DNSBL_LISTED},
	{"bl.test:4,9-10", "127.0.0.2", DNSBL_NOTHING},
	{"bl.test:4,9-10", "127.0.0.8", DNSBL_NOTHING},
	{"bl.test:4,9-10", "127.0.0.11", DNSBL_NOTHING},
	{"bl.test:4,9-10", "127.0.0.1", DNSBL_ALARM},
};

static struct {
	char const *reply, *reason;
} const replies[] = {
	{"550 5.1.1 x", "unknown"},
	{"501 5.1.3 x", "syntax"},
	{"501 5.5.4 x", "syntax"},
	{"553 5.6.7 x", "syntax"},
	{"550 5.6.11 x", "text"},
	{"552 5.3.4 x", "limit"},
	{"452 4.5.3 x", "limit"},
	{"421 4.4.2 x", "slow"},
	{"421 4.3.2 x", "stop"},
	{"421 4.7.0 x", "errors"},
	{"451 4.3.0 x", "queue"},
	{"554 5.3.0 x", "queue"},
	{"451", "system"},
	{"", "system"},
};

int
main(void)
{
	char const *why;

	for (size_t i = 0; i < sizeof rates_read / sizeof rates_read[0]; i++) {
		struct rate_limit limit = {0, 0};
		int r = limits_rate_parse(&limit, span_string(rates_read[i].text), &why);

		ok(r == rates_read[i].result && limit.count == rates_read[i].count &&
				limit.seconds == rates_read[i].seconds,
			"a rate of '%s'", rates_read[i].text);
	}
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		struct dnsbl list;

		ok(dnsbl_parse(&list, span_string(lists[i].line), &why) == lists[i].result,
			"the list '%s'", lists[i].line);
	}
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct netaddress address;
		struct dnsbl list;

		netaddress_parse(&address, span_string(answers[i].answer));
		ok(dnsbl_parse(&list, span_string(answers[i].line), &why) == 0 &&
				dnsbl_read(&list, &address) == answers[i].want,
			"%s of %s", answers[i].answer, answers[i].line);
	}
	for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++)
		ok(strcmp(reason_of_reply(replies[i].reply), replies[i].reason) == 0, "'%s' is %s",
			replies[i].reply, replies[i].reason);
	return tap_end();
}
