#include "wire/submission.h"

#include "tests/tap.h"

static struct {
	char const header[SUBMISSION_HEADER + 1];
	int result;
	enum submission_frame frame;
	size_t len;
} const headers[] = {
	{"M\0\0\0\0", 0, FRAME_MESSAGE, 0},
	{"M\0\0\0\1", 0, FRAME_MESSAGE, 1},
	{"O\0\0\1\2", 0, FRAME_ORIGIN, 258},
	{"E\0\0\xff\xff", 0, FRAME_ENVELOPE, SUBMISSION_FRAME_MAX - 1},
	{"E\0\1\0\0", 0, FRAME_ENVELOPE, SUBMISSION_FRAME_MAX},
	{"E\0\1\0\1", -1, 0, 0},
	{"E\xff\xff\xff\xff", -1, 0, 0},
	{"M\x80\0\0\0", -1, 0, 0},
	{"R\0\0\0\0", 0, FRAME_ROOM, 0},
	{"R\0\0\0\1", 0, FRAME_ROOM, 1}, /* whoever takes it knows that it has none */
	{"m\0\0\0\1", -1, 0, 0},
	{"\0\0\0\0\0", -1, 0, 0},
	{"\xff\0\0\0\0", -1, 0, 0},
};

static struct {
	char const *line;
	int result, code;
	char const *text;
} const answers[] = {
	{"0 123 45\n", 0, 0, "123 45"},
	{"0 123 45", 0, 0, "123 45"},
	{"53 the disk is full\n", 0, 53, "the disk is full"},
	{"91 \n", 0, 91, ""},
	{"255 x\n", 0, 255, "x"},
	{"256 x\n", -1, 0, NULL},
	{"-1 x\n", -1, 0, NULL},
	{" x\n", -1, 0, NULL},
	{"0\n", -1, 0, NULL},
	{"\n", -1, 0, NULL},
	{"", -1, 0, NULL},
	{"0 a\nb\n", -1, 0, NULL},
	{"0 a\tb\n", -1, 0, NULL},
	{"0 \xe4\n", -1, 0, NULL},
};

static void
test_headers(void)
{
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
		enum submission_frame frame = 0;
		size_t len = 0;
		int r = submission_header_parse(&frame, &len, headers[i].header);
		char back[SUBMISSION_HEADER];

		ok(r == headers[i].result && frame == headers[i].frame && len == headers[i].len,
			"header %zu", i);
		if (r == -1)
			continue;
		submission_header_format(back, frame, len);
		same(back, sizeof back, headers[i].header, SUBMISSION_HEADER, "and back");
	}
}

static void
test_answers(void)
{
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct submission_answer answer;
		int r = submission_answer_parse(&answer, answers[i].line, strlen(answers[i].line));

		ok(r == answers[i].result, "answer %zu", i);
		if (r == -1)
			continue;
		ok(answer.code == answers[i].code, "its code");
		same(answer.text.s, answer.text.len, answers[i].text, strlen(answers[i].text),
			"its text");
	}
}

static void
test_limit(void)
{
	static char const digits[] = "123456789 123456789 123456789 123456789 123456789 ";
	stralloc text = STRALLOC_ZERO;
	stralloc line = STRALLOC_ZERO;
	struct submission_answer answer;

	for (int i = 0; i < 8; i++)
		stralloc_cats(&text, digits);
	for (size_t len = SUBMISSION_ANSWER_MAX - 6; len <= SUBMISSION_ANSWER_MAX - 4; len++) {
		size_t want = len > SUBMISSION_ANSWER_MAX - 5 ? SUBMISSION_ANSWER_MAX - 5 : len;

		answer = (struct submission_answer){111, span(text.s, len)};
		line.len = 0;
		ok(submission_answer_format(&line, &answer) == 1, "a text of %zu bytes", len);
		ok(line.len <= SUBMISSION_ANSWER_MAX, "makes a line within the limit");
		ok(submission_answer_parse(&answer, line.s, line.len) == 0 &&
				answer.text.len == want,
			"of which %zu come back", want);
	}
	stralloc_cats(&line, "x");
	ok(submission_answer_parse(&answer, line.s, SUBMISSION_ANSWER_MAX + 1) == -1,
		"a longer line is none");
	stralloc_free(&text);
	stralloc_free(&line);
}

static void
test_clean(void)
{
	stralloc line = STRALLOC_ZERO;
	struct submission_answer answer = {54, SPAN_LITERAL("a\r\nb\x1b\xe4")};

	submission_answer_format(&line, &answer);
	same(line.s, line.len, "54 a??b??\n", 10, "foreign bytes are cleaned");
	answer.code = 256;
	ok(submission_answer_format(&line, &answer) == 0, "a code that can not be is refused");
	stralloc_free(&line);
}

int
main(void)
{
	test_headers();
	test_answers();
	test_limit();
	test_clean();
	return tap_end();
}
