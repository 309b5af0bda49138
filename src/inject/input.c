#include "inject/input.h"

#include <errno.h>
#include <unistd.h>

#include "wire/header.h"

void
input_init(struct input *input, int fd)
{
	*input = (struct input){.fd = fd, .text = STRALLOC_ZERO};
}

/* A CR is held back until it is known not to belong to a line end. */
static int
bytes_append(struct input *input, char const *s, size_t len)
{
	stralloc *text = &input->text;

	if (!stralloc_readyplus(text, len + 1))
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (input->had_cr && s[i] != '\n')
			text->s[text->len++] = '\r';
		input->had_cr = s[i] == '\r';
		if (!input->had_cr)
			text->s[text->len++] = s[i];
	}
	return 1;
}

/* Reads more into the text. */
static enum input_result
more(struct input *input)
{
	char buffer[INPUT_READ];
	ssize_t n;

	if (input->at_end)
		return INPUT_END;
	do
		n = read(input->fd, buffer, sizeof buffer);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return INPUT_ERROR;
	if (n == 0) {
		input->at_end = 1;
		if (input->had_cr && !stralloc_catb(&input->text, "\r", 1))
			return INPUT_ERROR;
		return input->had_cr ? INPUT_GOOD : INPUT_END;
	}
	return bytes_append(input, buffer, (size_t)n) ? INPUT_GOOD : INPUT_ERROR;
}

/* Reads until the kind of the line at `at` is known; at the end of all it may not be. */
static enum input_result
kind_at(struct input *input, size_t at, enum header_line *kind)
{
	enum input_result r = INPUT_GOOD;

	for (;;) {
		*kind = header_line_kind(span(input->text.s + at, input->text.len - at));
		if (*kind != HEADER_LINE_SHORT)
			return INPUT_GOOD;
		r = more(input);
		if (r == INPUT_END)
			*kind = HEADER_LINE_OTHER;
		if (r != INPUT_GOOD)
			return r == INPUT_END ? INPUT_GOOD : r;
	}
}

/* Moves *at past the end of its line; at the end of all a newline is added. */
static enum input_result
line_skip(struct input *input, size_t *at)
{
	size_t from = *at;

	for (;;) {
		size_t len = input->text.len - from;
		size_t n = span_find(span(input->text.s + from, len), '\n');
		enum input_result r;

		if (n < len) {
			*at = from + n + 1;
			return INPUT_GOOD;
		}
		from += len;
		if (from > INPUT_HEADER_MAX)
			return INPUT_TOO_LARGE;
		r = more(input);
		if (r == INPUT_END && !stralloc_catb(&input->text, "\n", 1))
			return INPUT_ERROR;
		if (r != INPUT_GOOD && r != INPUT_END)
			return r;
	}
}

/*
 * "From user date" as in a mailbox, but only where a field follows: otherwise
 * it is what somebody wrote.
 */
static enum input_result
mailbox_line_skip(struct input *input)
{
	struct span const starts[] = {SPAN_LITERAL("From "), SPAN_LITERAL(">From ")};
	enum input_result r = INPUT_GOOD;
	enum header_line kind;
	size_t at = 0;

	while (input->text.len < starts[1].len && r == INPUT_GOOD)
		r = more(input);
	if (r == INPUT_ERROR)
		return r;
	struct span text = span(input->text.s, input->text.len);
	if (!span_case_starts(text, starts[0]) && !span_case_starts(text, starts[1]))
		return INPUT_GOOD;
	if (header_line_kind(text) == HEADER_LINE_FIELD) /* "From : x" */
		return INPUT_GOOD;
	r = line_skip(input, &at);
	if (r == INPUT_TOO_LARGE)
		return INPUT_GOOD;
	if (r == INPUT_GOOD)
		r = kind_at(input, at, &kind);
	if (r == INPUT_GOOD && kind == HEADER_LINE_FIELD)
		input->header = at;
	return r;
}

enum input_result
input_header(struct input *input, struct span *header)
{
	enum input_result r = stralloc_ready(&input->text, 1) ? INPUT_GOOD : INPUT_ERROR;
	enum header_line kind = HEADER_LINE_OTHER;
	size_t at;

	if (r == INPUT_GOOD)
		r = mailbox_line_skip(input);
	at = input->header;
	while (r == INPUT_GOOD && (r = kind_at(input, at, &kind)) == INPUT_GOOD) {
		if (kind != HEADER_LINE_FIELD &&
			!(kind == HEADER_LINE_FOLDED && at > input->header))
			break;
		r = line_skip(input, &at);
		if (r == INPUT_GOOD && at - input->header > INPUT_HEADER_MAX)
			r = INPUT_TOO_LARGE;
	}
	if (r != INPUT_GOOD)
		return r;
	input->end = at;
	input->body = kind == HEADER_LINE_BLANK ? at + 1 : at;
	*header = span(input->text.s + input->header, input->end - input->header);
	return INPUT_GOOD;
}

enum input_result
input_body(struct input *input, struct span *piece)
{
	for (;;) {
		enum input_result r;

		*piece = span(input->text.s + input->body, input->text.len - input->body);
		input->body = input->text.len;
		if (piece->len)
			return INPUT_GOOD;
		input->text.len = input->body = 0;
		r = more(input);
		if (r != INPUT_GOOD)
			return r;
	}
}

void
input_free(struct input *input)
{
	stralloc_free(&input->text);
}
