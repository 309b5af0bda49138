/* Any bytes as a header and as an answer; what is read can be written and read again. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/submission.h"

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	char const *s = (char const *)data;
	struct submission_answer answer, again;
	enum submission_frame frame;
	stralloc line = STRALLOC_ZERO;
	size_t len;

	if (size >= SUBMISSION_HEADER && submission_header_parse(&frame, &len, s) == 0) {
		char header[SUBMISSION_HEADER];

		submission_header_format(header, frame, len);
		if (len > SUBMISSION_FRAME_MAX || memcmp(header, s, sizeof header) != 0)
			abort();
	}
	if (submission_answer_parse(&answer, s, size) == 0) {
		if (!submission_answer_format(&line, &answer))
			abort();
		if (line.len > SUBMISSION_ANSWER_MAX ||
			submission_answer_parse(&again, line.s, line.len) == -1 ||
			again.code != answer.code)
			abort();
	}
	stralloc_free(&line);
	return 0;
}
