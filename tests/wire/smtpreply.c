#include "wire/smtpreply.h"

#include <stdlib.h>

#include "tests/tap.h"

/* n bytes c */
static char *
repeat(char *to, size_t n, char c)
{
	memset(to, c, n);
	return to + n;
}

static struct {
	char const *name, *bytes;
	enum smtpreply_status status;
	unsigned code;
	char const *text;
	size_t rest; /* bytes not used */
} const cases[] = {
	{"one line", "250 ok\r\n", SMTPREPLY_COMPLETE, 250, "250 ok\n", 0},
	{"nothing", "", SMTPREPLY_MORE, 0, "", 0},
	{"no line end", "250 ok", SMTPREPLY_MORE, 0, "", 0},
	{"CR without LF", "250 ok\r", SMTPREPLY_MORE, 0, "", 0},
	{"LF alone", "250 ok\n", SMTPREPLY_COMPLETE, 250, "250 ok\n", 0},
	{"a code alone", "354\r\n", SMTPREPLY_COMPLETE, 354, "354\n", 0},
	{"an empty text", "354 \r\n", SMTPREPLY_COMPLETE, 354, "354 \n", 0},
	{"several lines", "250-a\r\n250-\r\n250 b\r\n", SMTPREPLY_COMPLETE, 250,
		"250-a\n250-\n250 b\n", 0},
	{"an unfinished reply", "250-a\r\n", SMTPREPLY_MORE, 250, "250-a\n", 0},
	{"two replies", "250 a\r\n550 b\r\n", SMTPREPLY_COMPLETE, 250, "250 a\n", 7},
	{"changing codes", "250-a\r\n550 b\r\n", SMTPREPLY_WRONG, 250, "250-a\n550 b\n", 0},
	{"an empty line", "\r\n", SMTPREPLY_WRONG, 0, "\n", 0},
	{"two digits", "25 ok\r\n", SMTPREPLY_WRONG, 0, "25 ok\n", 0},
	{"four digits", "2500 ok\r\n", SMTPREPLY_WRONG, 0, "2500 ok\n", 0},
	{"a letter", "25O ok\r\n", SMTPREPLY_WRONG, 0, "25O ok\n", 0},
	{"a blank first", " 250 ok\r\n", SMTPREPLY_WRONG, 0, " 250 ok\n", 0},
	{"a code of 199", "199 ok\r\n", SMTPREPLY_WRONG, 0, "199 ok\n", 0},
	{"a code of 200", "200 ok\r\n", SMTPREPLY_COMPLETE, 200, "200 ok\n", 0},
	{"a code of 599", "599 ok\r\n", SMTPREPLY_COMPLETE, 599, "599 ok\n", 0},
	{"a code of 600", "600 ok\r\n", SMTPREPLY_WRONG, 0, "600 ok\n", 0},
	{"another separator", "250+ok\r\n", SMTPREPLY_WRONG, 0, "250+ok\n", 0},
	{"a tab as separator", "250\tok\r\n", SMTPREPLY_WRONG, 0, "250?ok\n", 0},
	{"a CR as separator", "250\rok\r\n", SMTPREPLY_WRONG, 0, "250?ok\n", 0},
	{"what is not to be shown", "550 \033[2J\177\303\274\r!\r\n", SMTPREPLY_COMPLETE, 550,
		"550 ?[2J???"
		"?!\n",
		0},
	{"HTTP", "HTTP/1.1 400 Bad Request\r\n", SMTPREPLY_WRONG, 0, "HTTP/1.1 400 Bad Request\n",
		0},
	{"TLS", "\025\003\001\n", SMTPREPLY_WRONG, 0, "???\n", 0},
};

static void
table(void)
{
	struct smtpreply reply = SMTPREPLY_ZERO;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct span bytes = span_string(cases[i].bytes);
		size_t used, total = 0;

		smtpreply_start(&reply);
		smtpreply_feed(&reply, bytes, &used);
		ok(reply.status == cases[i].status && reply.code == cases[i].code &&
				bytes.len - used == cases[i].rest,
			"%s: status and code", cases[i].name);
		same(reply.text.s, reply.text.len, cases[i].text, strlen(cases[i].text),
			cases[i].name);
		smtpreply_start(&reply);
		for (size_t k = 0; k < bytes.len; k++) {
			smtpreply_feed(&reply, span(bytes.s + k, 1), &used);
			total += used;
		}
		ok(reply.status == cases[i].status && reply.code == cases[i].code &&
				bytes.len - total == cases[i].rest,
			"%s: byte by byte", cases[i].name);
	}
	smtpreply_free(&reply);
}

static void
line_limit(size_t len, enum smtpreply_status want)
{
	struct smtpreply reply = SMTPREPLY_ZERO;
	char *s = malloc(len);
	size_t used, total = 0;

	memcpy(s, "250 ", 4);
	memcpy(repeat(s + 4, len - 6, 'x'), "\r\n", 2);
	smtpreply_feed(&reply, span(s, len), &used);
	ok(reply.status == want, "a line of %zu bytes", len);
	smtpreply_start(&reply);
	for (; total < len && smtpreply_feed(&reply, span(s + total, 1), &used) == SMTPREPLY_MORE;)
		total += used;
	ok(reply.status == want, "a line of %zu bytes, byte by byte", len);
	smtpreply_free(&reply);
	free(s);
}

static void
lines_limit(unsigned lines, enum smtpreply_status want)
{
	struct smtpreply reply = SMTPREPLY_ZERO;
	size_t used;

	for (unsigned i = 1; i < lines; i++)
		smtpreply_feed(&reply, SPAN_LITERAL("220-more\r\n"), &used);
	smtpreply_feed(&reply, SPAN_LITERAL("220 end\r\n"), &used);
	ok(reply.status == want, "a reply of %u lines", lines);
	smtpreply_free(&reply);
}

static void
endless(void)
{
	static char block[1 << 20];
	struct smtpreply reply = SMTPREPLY_ZERO;
	size_t used;

	repeat(block, sizeof block, '2');
	smtpreply_feed(&reply, span(block, sizeof block), &used);
	ok(reply.status == SMTPREPLY_WRONG && reply.line.len <= SMTPREPLY_LINE_MAX,
		"a line without end is given up, and not kept");
	smtpreply_feed(&reply, SPAN_LITERAL("250 ok\r\n"), &used);
	ok(reply.status == SMTPREPLY_WRONG && used == 0, "what is wrong stays wrong");
	smtpreply_free(&reply);
}

static void
text_lines(void)
{
	struct span rest = SPAN_LITERAL("250-mx.example.org\n250-SIZE 1000\n250\n");
	struct span line = smtpreply_line_cut(&rest);

	same(line.s, line.len, "mx.example.org", 14, "the first line of a text");
	line = smtpreply_line_cut(&rest);
	same(line.s, line.len, "SIZE 1000", 9, "the second");
	line = smtpreply_line_cut(&rest);
	same(line.s, line.len, "", 0, "a line that says nothing");
	ok(rest.len == 0, "the end");
}

int
main(void)
{
	struct smtpreply reply = SMTPREPLY_ZERO;
	size_t used;

	table();
	line_limit(SMTPREPLY_LINE_MAX - 1, SMTPREPLY_COMPLETE);
	line_limit(SMTPREPLY_LINE_MAX, SMTPREPLY_COMPLETE);
	line_limit(SMTPREPLY_LINE_MAX + 1, SMTPREPLY_WRONG);
	lines_limit(SMTPREPLY_LINES_MAX - 1, SMTPREPLY_COMPLETE);
	lines_limit(SMTPREPLY_LINES_MAX, SMTPREPLY_COMPLETE);
	lines_limit(SMTPREPLY_LINES_MAX + 1, SMTPREPLY_WRONG);
	endless();
	text_lines();
	smtpreply_feed(&reply, span("250 a\0b\r\n", 9), &used);
	same(reply.text.s, reply.text.len, "250 a?b\n", 8, "a NUL");
	smtpreply_free(&reply);
	return tap_end();
}
