#include "wire/job.h"

#include "tests/tap.h"
#include "wire/answer.h"
#include "wire/dsnparameter.h"
#include "wire/report.h"
#include "wire/workerrequest.h"

#define PACKET(text) text, sizeof(text)

static struct {
	char const *s;
	size_t len;
	int result;
	char const *name;
} const jobs[] = {
	{PACKET("1\0002\0003\0000\0000\0d.example\0s@x\0r@d.example"), 0, "a job"},
	{PACKET("1\0002\0003\0001\0001\0d.example\0\0r@d.example"), 0, "the null sender"},
	{PACKET("1\0002\0003\0000\0000\0d.example\0s@x"), -1, "no recipient"},
	{PACKET("1\0002\0003\0000\0000\0\0s@x\0r@x"), -1, "no destination"},
	{PACKET("1\0002\0003\0002\0000\0d\0s@x\0r@x"), -1, "a body type that is none"},
	{PACKET("x\0002\0003\0000\0000\0d\0s@x\0r@x"), -1, "a number that is none"},
	{PACKET("1\0002\00018446744073709551615\0000\0000\0d\0s\0r"), -1,
		"a length beyond any file"},
	{"1\0002\0003\0000\0000\0d\0s@x\0r@x", 19, -1, "cut in the last recipient"},
	{PACKET("1\0002\0003\0000\0000\0d\0s@x\0r@d\0\0FULL\0id\0NEVER\0rfc822;x@y"), 0, "wishes"},
	{PACKET("1\0002\0003\0000\0000\0d\0s@x\0r@d\0q@d\0\0\0\0\0\0\0"), 0, "empty wishes"},
	{PACKET("1\0002\0003\0000\0000\0d\0s@x\0\0FULL\0id"), -1, "wishes and no recipient"},
	{PACKET("1\0002\0003\0000\0000\0d\0s@x\0r@d\0\0FULL\0id\0NEVER"), -1, "one is missing"},
	{PACKET("1\0002\0003\0000\0000\0d\0s@x\0r@d\0\0FULL\0id\0NEVER\0\0x"), -1, "one too many"},
	{"", 0, -1, "nothing"},
};

static struct {
	char const *s;
	size_t len;
	int result;
	char const *name;
} const reports[] = {
	{PACKET("7\0h\0a\0Kfine"), 0, "a report"},
	{PACKET("7\0\0\0Z"), 0, "empty words"},
	{PACKET("7\0h\0a"), -1, "no verdict"},
	{PACKET("7\0h\0a\0Xwhat"), -1, "a verdict that is none"},
	{PACKET("7\0h\0a\0"), -1, "an empty verdict"},
	{PACKET("7\0h\0a\0Kfine\0A\00025\000250\0001\0002\0003\00040"), 0, "facts"},
	{PACKET("7\0h\0a\0Kfine\0A\00065535\000999\0004294967295\0000\0000\000"
		"18446744073709551615"),
		0, "the largest facts"},
	{PACKET("7\0h\0a\0Kfine\0A\00065536\000250\0001\0002\0003\00040"), -1,
		"a port over the limit"},
	{PACKET("7\0h\0a\0Kfine\0A\00025\0001000\0001\0002\0003\00040"), -1,
		"a code over the limit"},
	{PACKET("7\0h\0a\0Kfine\0A\00025\000250\0004294967296\0002\0003\00040"), -1,
		"a time over the limit"},
	{PACKET("7\0h\0a\0Kfine\0A\00025\000250\0001\0002\0003"), -1, "too few facts"},
	{PACKET("7\0h\0a\0Kfine\0A\00025\000250\0001\0002\0003\00040\0K"), -1, "too many facts"},
	{PACKET("7\0h\0a\0Kfine\0A\00025\000x\0001\0002\0003\00040"), -1,
		"a fact that is no number"},
	{PACKET("7\0h\0a\0A\00025\000250\0001\0002\0003\00040"), -1, "facts and no verdict"},
	{PACKET("7\0h\0a\0Kfine\0Afew"), -1, "facts in one field"},
	{PACKET("-7\0h\0a\0Kfine"), -1, "a number that is none"},
	{"7\0h\0a\0Kfin", 10, -1, "cut in the words"},
	{"", 0, -1, "nothing"},
};

/* Of the largest job: what SMTP could not carry does not arrive. */
static void
wishes(struct job *job)
{
	static struct job back;
	static char original[DSN_ORCPT_MAX + 1] = "rfc822;";
	stralloc sa = STRALLOC_ZERO;
	int good;

	memset(original + 7, 'x', sizeof original - 7);
	job->ret = SPAN_LITERAL("HDRS");
	job->envelope_id = span(original + 7, DSN_ENVID_MAX);
	for (size_t i = 0; i < JOB_RECIPIENTS_MAX; i++) {
		job->notify[i] = SPAN_LITERAL("SUCCESS,FAILURE,DELAY");
		job->original_recipient[i] = span(original, DSN_ORCPT_MAX);
	}
	ok(job_format(&sa, job) && sa.len <= JOB_PACKET_MAX,
		"with the longest wishes it fits too: %zu bytes", sa.len);
	good = job_parse(&back, sa.s, sa.len) == 0 && span_equal(back.ret, job->ret) &&
	       span_equal(back.envelope_id, job->envelope_id);
	for (size_t i = 0; i < JOB_RECIPIENTS_MAX; i++)
		good &= span_equal(back.notify[i], job->notify[i]) &&
			span_equal(back.original_recipient[i], job->original_recipient[i]);
	ok(good, "and they arrive");
	job->ret = SPAN_LITERAL("ALL");
	job->envelope_id = SPAN_LITERAL("a\r\nRSET");
	job->notify[0] = SPAN_LITERAL("NEVER DATA");
	job->original_recipient[0] = span(original, DSN_ORCPT_MAX + 1);
	job->original_recipient[1] = SPAN_LITERAL("rfc822;+0D+0A");
	sa.len = 0;
	ok(job_format(&sa, job) && job_parse(&back, sa.s, sa.len) == 0 && back.ret.len == 0 &&
			back.envelope_id.len == 0 && back.notify[0].len == 0 &&
			back.original_recipient[0].len == 0 &&
			back.original_recipient[1].len == 0 &&
			back.original_recipient[2].len == DSN_ORCPT_MAX,
		"what no sender could have said does not");
	stralloc_free(&sa);
}

static void
limits(void)
{
	static struct job job, back;
	static char address[ADDRESS_LIMIT + 1];
	stralloc sa = STRALLOC_ZERO;

	memset(address, 'x', sizeof address);
	job = (struct job){
		.number = 1, .message = 2, .length = 3, .destination = SPAN_LITERAL("d")};
	job.recipients = JOB_RECIPIENTS_MAX;
	for (size_t i = 0; i < JOB_RECIPIENTS_MAX; i++)
		job.recipient[i] = span(address, ADDRESS_LIMIT - 1);
	job.sender = span(address, ADDRESS_LIMIT - 1);
	ok(job_format(&sa, &job) && sa.len <= JOB_PACKET_MAX,
		"the largest job fits a packet: %zu bytes", sa.len);
	ok(job_parse(&back, sa.s, sa.len) == 0 && back.recipients == JOB_RECIPIENTS_MAX,
		"100 recipients of the longest address");
	stralloc_catb(&sa, "x", 2);
	ok(job_parse(&back, sa.s, sa.len) == -1, "101 recipients are too many");
	wishes(&job);
	sa.len = 0;
	job.recipients = 1;
	job.recipient[0] = span(address, ADDRESS_LIMIT);
	job_format(&sa, &job);
	ok(job_parse(&back, sa.s, sa.len) == -1, "an address over the limit");
	stralloc_free(&sa);
}

static void
report_limits(void)
{
	static struct report report, back;
	static char text[REPORT_TEXT_MAX * 2];
	stralloc sa = STRALLOC_ZERO;

	memset(text, 'y', sizeof text);
	report = (struct report){.number = 9, .recipients = JOB_RECIPIENTS_MAX};
	for (size_t i = 0; i < JOB_RECIPIENTS_MAX; i++) {
		report.recipient[i].verdict = (enum verdict)(i % 4);
		report.recipient[i].text = span(text, sizeof text);
	}
	ok(report_format(&sa, &report) && sa.len <= REPORT_PACKET_MAX,
		"the largest report fits a packet");
	ok(report_parse(&back, sa.s, sa.len) == 0 && back.recipients == JOB_RECIPIENTS_MAX &&
			back.recipient[0].text.len == REPORT_TEXT_MAX &&
			back.recipient[2].verdict == VERDICT_FAILED,
		"words over the limit are cut");
	stralloc_catb(&sa, "Kx", 3);
	ok(report_parse(&back, sa.s, sa.len) == -1, "101 verdicts are too many");
	sa.len = 0;
	report.has_facts = 1;
	report.facts = (struct attempt_facts){UINT16_MAX, 999, 1, 2, UINT32_MAX, UINT64_MAX};
	ok(report_format(&sa, &report) && sa.len <= REPORT_PACKET_MAX &&
			report_parse(&back, sa.s, sa.len) == 0 && back.has_facts &&
			memcmp(&back.facts, &report.facts, sizeof back.facts) == 0,
		"and its facts");
	stralloc_free(&sa);
}

static void
workers(void)
{
	struct worker_request request = {5, SPAN_LITERAL("example.org")}, request_back;
	struct answer answer = {5, VERDICT_TROUBLE, SPAN_LITERAL("no fork")}, answer_back;
	stralloc sa = STRALLOC_ZERO;

	worker_request_format(&sa, &request);
	ok(worker_request_parse(&request_back, sa.s, sa.len) == 0 && request_back.number == 5 &&
			span_equal(request_back.destination, request.destination),
		"a request for a worker");
	ok(worker_request_parse(&request_back, sa.s, sa.len - 1) == -1, "cut");
	stralloc_catb(&sa, "x", 2);
	ok(worker_request_parse(&request_back, sa.s, sa.len) == -1, "with something behind it");
	sa.len = 0;
	answer_format(&sa, &answer);
	ok(answer_parse(&answer_back, sa.s, sa.len) == 0 &&
			answer_back.verdict == VERDICT_TROUBLE &&
			span_equal(answer_back.text, answer.text),
		"an answer");
	ok(answer_parse(&answer_back, sa.s, sa.len - 1) == -1, "an answer that is cut");
	stralloc_free(&sa);
}

int
main(void)
{
	static struct job job;
	static struct report report;

	for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
		ok(job_parse(&job, jobs[i].s, jobs[i].len) == jobs[i].result, "job: %s",
			jobs[i].name);
	for (size_t i = 0; i < sizeof reports / sizeof reports[0]; i++)
		ok(report_parse(&report, reports[i].s, reports[i].len) == reports[i].result,
			"report: %s", reports[i].name);
	limits();
	report_limits();
	workers();
	return tap_end();
}
