#include "wire/bouncejob.h"

#include "wire/answer.h"

#include "tests/tap.h"

static struct {
	char const *bytes;
	size_t len;
	int result;
} const jobs[] = {
	{"1\0F\0", 4, 0},
	{"1\0S\0", 4, 0},
	{"1\0W\0", 4, 0},
	{"1\0X\0", 4, -1},
	{"1\0\0", 3, -1},
	{"1\0FF\0", 5, -1},
	{"1\0F", 3, -1},
	{"1\0", 2, -1},
	{"18446744073709551615\0F\0", 23, 0},
	{"18446744073709551616\0F\0", 23, -1},
	{"", 0, -1},
	{"1", 1, -1},
	{"\0", 1, -1},
	{"x\0", 2, -1},
	{"1\0F\0\0", 5, -1},
};

static struct {
	char const *bytes;
	size_t len;
	int result;
} const answers[] = {
	{"1\0K2 3\0", 7, 0},
	{"1\0D\0", 4, 0},
	{"1\0Ttext\0", 8, 0},
	{"1\0Xtext\0", 8, -1},
	{"1\0\0", 3, -1},
	{"1\0Ttext", 7, -1},
	{"1\0Ttext\0\0", 9, -1},
	{"1\0", 2, -1},
	{"", 0, -1},
};

static void
round_trip(void)
{
	char text[REPORT_TEXT_MAX + 1];
	stralloc sa = STRALLOC_ZERO;
	struct answer in = {77, VERDICT_TROUBLE, {text, sizeof text}}, out;

	memset(text, 'x', sizeof text);
	ok(answer_format(&sa, &in) && sa.len <= BOUNCE_PACKET_MAX &&
			answer_parse(&out, sa.s, sa.len) == 0 && out.number == 77 &&
			out.verdict == VERDICT_TROUBLE && out.text.len == REPORT_TEXT_MAX,
		"a long text is cut to the limit and read again");
	ok(answer_parse(&out, "1\0T", 3) == -1, "but not without its end");
	stralloc_free(&sa);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
		struct bounce_job job;

		ok(bounce_job_parse(&job, jobs[i].bytes, jobs[i].len) == jobs[i].result, "job %zu",
			i);
	}
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct answer answer;

		ok(answer_parse(&answer, answers[i].bytes, answers[i].len) == answers[i].result,
			"answer %zu", i);
	}
	round_trip();
	return tap_end();
}
