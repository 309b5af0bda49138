#include "wire/verification.h"

#include <stdlib.h>

#include "tests/tap.h"

#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static struct {
	char const *name;
	struct span bytes;
	int want; /* the length of the local part, or -1 */
} const questions[] = {
	{"a local part", BYTES("Rjoe\0"), 3},
	{"one letter", BYTES("Rj\0"), 1},
	{"any byte but NUL", BYTES("R\n\xff \"@\0"), 5},
	{"no local part", BYTES("R\0"), -1},
	{"no NUL", BYTES("Rjoe"), -1},
	{"more after the NUL", BYTES("Rjoe\0x"), -1},
	{"two NULs", BYTES("Rjoe\0\0"), -1},
	{"another letter", BYTES("Qjoe\0"), -1},
	{"a NUL for a letter", BYTES("\0joe\0"), -1},
	{"the letter alone", BYTES("R"), -1},
	{"nothing", {"", 0}, -1},
};

static struct {
	char const *name;
	struct span bytes;
	int want; /* enum verification, or -1 */
	size_t text;
} const answers[] = {
	{"yes", BYTES("Y\0"), VERIFICATION_YES, 0},
	{"no", BYTES("N\0"), VERIFICATION_NO, 0},
	{"trouble", BYTES("Tdisk\0"), VERIFICATION_TROUBLE, 4},
	{"trouble without words", BYTES("T\0"), VERIFICATION_TROUBLE, 0},
	{"yes with words", BYTES("Yx\0"), -1, 0},
	{"no with words", BYTES("Nx\0"), -1, 0},
	{"yes without its NUL", BYTES("Y"), -1, 0},
	{"two answers", BYTES("Y\0N\0"), -1, 0},
	{"another letter", BYTES("B\0"), -1, 0},
	{"a small letter", BYTES("y\0"), -1, 0},
	{"a NUL alone", BYTES("\0"), -1, 0},
	{"nothing", {"", 0}, -1, 0},
};

/* At the end of its memory, so that a sanitizer sees a step too far. */
static char *
copy_of(struct span bytes)
{
	char *copy = malloc(bytes.len ? bytes.len : 1);

	memcpy(copy, bytes.s, bytes.len);
	return copy;
}

static void
questions_read(void)
{
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
		char *copy = copy_of(questions[i].bytes);
		struct span local = {"", 0};
		int r = verification_question_parse(&local, copy, questions[i].bytes.len);

		ok(r == -1 ? questions[i].want == -1 : (int)local.len == questions[i].want,
			"question: %s", questions[i].name);
		free(copy);
	}
}

static void
answers_read(void)
{
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		char *copy = copy_of(answers[i].bytes);
		enum verification kind = VERIFICATION_YES;
		struct span text = {"", 0};
		int r = verification_answer_parse(&kind, &text, copy, answers[i].bytes.len);

		ok(r == -1 ? answers[i].want == -1
			   : (int)kind == answers[i].want && text.len == answers[i].text,
			"answer: %s", answers[i].name);
		free(copy);
	}
}

static int
question_of(size_t len)
{
	static char letters[ADDRESS_LIMIT + 1];
	stralloc sa = STRALLOC_ZERO;
	struct span local;
	int r;

	memset(letters, 'x', sizeof letters);
	verification_question_format(&sa, span(letters, len));
	r = verification_question_parse(&local, sa.s, sa.len);
	stralloc_free(&sa);
	return r == 0 && local.len == len;
}

static size_t
trouble_of(size_t len)
{
	static char bytes[VERIFICATION_TEXT_MAX + 1];
	stralloc sa = STRALLOC_ZERO;
	enum verification kind;
	struct span text = {"", 0};
	int r;

	memset(bytes, '\n', sizeof bytes);
	verification_answer_format(&sa, VERIFICATION_TROUBLE, span(bytes, len));
	r = verification_answer_parse(&kind, &text, sa.s, sa.len);
	len = r == 0 && kind == VERIFICATION_TROUBLE && text.s[0] == '?' ? text.len : 0;
	stralloc_free(&sa);
	return len;
}

int
main(void)
{
	static char much[VERIFICATION_ANSWER_MAX + 1];
	enum verification kind;
	struct span text;

	questions_read();
	answers_read();
	ok(question_of(ADDRESS_LIMIT - 2), "one below the longest local part");
	ok(question_of(ADDRESS_LIMIT - 1), "the longest local part");
	ok(!question_of(ADDRESS_LIMIT), "a local part too long");
	ok(trouble_of(VERIFICATION_TEXT_MAX - 1) == VERIFICATION_TEXT_MAX - 1,
		"one below the longest text");
	ok(trouble_of(VERIFICATION_TEXT_MAX) == VERIFICATION_TEXT_MAX, "the longest text");
	ok(trouble_of(VERIFICATION_TEXT_MAX + 1) == VERIFICATION_TEXT_MAX, "a longer text is cut");
	memset(much, 'x', sizeof much);
	much[0] = 'T';
	much[sizeof much - 1] = '\0';
	ok(verification_answer_parse(&kind, &text, much, sizeof much) == -1, "an answer too long");
	return tap_end();
}
