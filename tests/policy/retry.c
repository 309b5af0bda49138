#include "policy/retry.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"

static struct {
	char const *value;
	int result;
	uint32_t attempts, first, second, tenth;
} const rules[] = {
	{"5:5m", 0, 5, 300, 300, 300},
	{"0:5m,10m,1h", 0, 0, 300, 600, 3600},
	{"5:2s", 0, 5, 2, 2, 2},
	{"1000000:366d", 0, 1000000, 31622400, 31622400, 31622400},
	{"3: 5m , 7m ", 0, 3, 300, 420, 420},
	{"1000001:5m", -1, 0, 0, 0, 0},
	{"5:367d", -1, 0, 0, 0, 0},
	{"5:0s", -1, 0, 0, 0, 0},
	{"5:", -1, 0, 0, 0, 0},
	{"5", -1, 0, 0, 0, 0},
	{":5m", -1, 0, 0, 0, 0},
	{"x:5m", -1, 0, 0, 0, 0},
	{"5:5m,,6m", -1, 0, 0, 0, 0},
	{"5:5m,x", -1, 0, 0, 0, 0},
	{"5:-5m", -1, 0, 0, 0, 0},
};

static void
intervals_limit(void)
{
	char value[64 * 3 + 16] = "0:";
	struct retry_rule rule;
	char const *reason;

	for (int i = 0; i < RETRY_INTERVALS_MAX; i++)
		strcat(value, i ? ",1s" : "1s");
	ok(retry_parse(&rule, span_string(value), &reason) == 0 && rule.intervals == 64,
		"64 intervals");
	strcat(value, ",1s");
	ok(retry_parse(&rule, span_string(value), &reason) == -1, "65 are too many");
}

static void
file_write(char const *text)
{
	FILE *f = fopen("control/retry", "w");

	fputs(text, f);
	fclose(f);
}

static void
lookup(void)
{
	char dir[] = "/tmp/tern-test-XXXXXX";
	struct retry retry = RETRY_ZERO;
	struct retry_rule rule;
	stralloc why = STRALLOC_ZERO;
	unsigned line;

	if (!mkdtemp(dir) || chdir(dir) == -1 || mkdir("control", 0700) == -1)
		return;
	ok(retry_load(&retry, &why) == 0, "no file is no error");
	retry_find(&retry, SPAN_LITERAL("any.example"), "", &rule, &line);
	ok(line == 0 && rule.attempts == 0 && rule.interval[0] == 300 &&
			retry_interval(&rule, 7) == 14400 && retry_interval(&rule, 70) == 14400,
		"the default");
	file_write("# "
		   "comment\nexample.org:3:1m\n.example.org:4:1m\nbad.example:x:1m\n:9:1m\nexample."
		   "org:6:2m\n");
	ok(retry_load(&retry, &why) == 0 && why.len, "a bad line is said");
	stralloc_0(&why);
	ok(strstr(why.s, "control/retry:4: ") != NULL, "with file and line: %s", why.s);
	retry_find(&retry, SPAN_LITERAL("Example.ORG"), "", &rule, &line);
	ok(rule.attempts == 6 && line == 6, "the later of two lines counts, without case");
	retry_find(&retry, SPAN_LITERAL("a.b.example.org"), "", &rule, &line);
	ok(rule.attempts == 4 && line == 3, "a suffix");
	retry_find(&retry, SPAN_LITERAL("other.example"), "", &rule, &line);
	ok(rule.attempts == 9 && line == 5, "the default line");
	retry_find(&retry, SPAN_LITERAL("bad.example"), "", &rule, &line);
	ok(rule.attempts == 0 && line == 0, "a bad line falls back on the built-in rule");
	file_write(
		"example.org:3:1m\nexample.org/greylist:4:2m\n/greylist:5:3m\n.org/connect:6:4m\n");
	retry_load(&retry, &why);
	retry_find(&retry, SPAN_LITERAL("example.org"), "greylist", &rule, &line);
	ok(line == 2, "a class has a line of its own");
	retry_find(&retry, SPAN_LITERAL("example.org"), "connect", &rule, &line);
	ok(line == 1, "the domain's line goes before the class of a suffix");
	retry_find(&retry, SPAN_LITERAL("b.org"), "connect", &rule, &line);
	ok(line == 4, "which holds for other domains");
	retry_find(&retry, SPAN_LITERAL("b.net"), "greylist", &rule, &line);
	ok(line == 3, "a class for everybody");
	retry_find(&retry, SPAN_LITERAL("b.net"), "4xx", &rule, &line);
	ok(line == 0, "and another class of trouble has the default");
	unlink("control/retry");
	rmdir("control");
	if (chdir("/") == 0)
		rmdir(dir);
	retry_free(&retry);
	stralloc_free(&why);
}

/* Messages that came within a second: in each sixteenth of the room there are about as many. */
static void
jitter(void)
{
	enum { MESSAGES = 16000, PARTS = 16 };
	unsigned in[PARTS] = {0}, least = MESSAGES, most = 0;
	uint64_t const id = UINT64_C(1800000000000000);

	ok(retry_jitter(id + 1, 59) == 0 && retry_jitter(id + 2, 1) == 0,
		"an interval below a minute is meant as it is said");
	ok(retry_jitter(id, 3600) == retry_jitter(id, 3600), "the same each time");
	for (unsigned i = 0; i < MESSAGES; i++) {
		uint32_t part = retry_jitter(id + i * 61, 14400) * PARTS / (14400 / 16 + 1);

		in[part < PARTS ? part : 0] += part < PARTS ? 1 : MESSAGES;
	}
	for (unsigned i = 0; i < PARTS; i++) {
		least = in[i] < least ? in[i] : least;
		most = in[i] > most ? in[i] : most;
	}
	ok(most <= MESSAGES, "never more than a sixteenth");
	ok(least > 900 && most < 1100, "evenly: from %u to %u of %u in a sixteenth of that", least,
		most, MESSAGES);
	for (uint32_t interval = 60; interval < 100000; interval += 7)
		most = retry_jitter(id * 3, interval) > interval / 16 ? 0 : most;
	ok(most > 0, "for each interval");
}

int
main(void)
{
	struct retry_rule rule;
	char const *reason;

	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		int r = retry_parse(&rule, span_string(rules[i].value), &reason);

		ok(r == rules[i].result &&
				(r == -1 || (rule.attempts == rules[i].attempts &&
						    retry_interval(&rule, 1) == rules[i].first &&
						    retry_interval(&rule, 2) == rules[i].second &&
						    retry_interval(&rule, 10) == rules[i].tenth)),
			"retry rule '%s'", rules[i].value);
	}
	intervals_limit();
	lookup();
	jitter();
	return tap_end();
}
