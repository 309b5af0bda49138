#include "wire/submission.h"

#include "lib/number.h"
#include "lib/text.h"

/* Three digits, a blank and the newline stand around the text. */
enum { CODE_MAX = 255, TEXT_MAX = SUBMISSION_ANSWER_MAX - 5 };

void
submission_header_format(char header[SUBMISSION_HEADER], enum submission_frame frame, size_t len)
{
	header[0] = (char)frame;
	for (int i = 4; i > 0; i--) {
		header[i] = (char)(unsigned char)(len & 0xff);
		len >>= 8;
	}
}

int
submission_header_parse(
	enum submission_frame *frame, size_t *len, char const header[SUBMISSION_HEADER])
{
	size_t n = 0;

	for (int i = 1; i < SUBMISSION_HEADER; i++)
		n = n << 8 | (unsigned char)header[i];
	if (n > SUBMISSION_FRAME_MAX)
		return -1;
	switch (header[0]) {
	case FRAME_ORIGIN: *frame = FRAME_ORIGIN; break;
	case FRAME_MESSAGE: *frame = FRAME_MESSAGE; break;
	case FRAME_ENVELOPE: *frame = FRAME_ENVELOPE; break;
	case FRAME_ROOM: *frame = FRAME_ROOM; break;
	default: return -1;
	}
	*len = n;
	return 0;
}

int
submission_answer_format(stralloc *sa, struct submission_answer const *answer)
{
	struct span text = answer->text;

	if (answer->code < 0 || answer->code > CODE_MAX)
		return 0;
	if (text.len > TEXT_MAX)
		text.len = TEXT_MAX;
	return text_append_number(sa, (unsigned)answer->code) && stralloc_catb(sa, " ", 1) &&
	       text_append_clean(sa, text) && stralloc_catb(sa, "\n", 1);
}

int
submission_answer_parse(struct submission_answer *answer, char const *s, size_t len)
{
	struct span line = span(s, len);
	struct span code;
	uint64_t n;

	if (len > SUBMISSION_ANSWER_MAX)
		return -1;
	if (line.len && line.s[line.len - 1] == '\n')
		line.len--;
	for (size_t i = 0; i < line.len; i++)
		if (line.s[i] < ' ' || line.s[i] > '~')
			return -1;
	if (span_find(line, ' ') == line.len)
		return -1;
	code = span_cut(&line, ' ');
	if (number_parse(code, CODE_MAX, &n) == -1)
		return -1;
	answer->code = (int)n;
	answer->text = line;
	return 0;
}
