#include "wire/verification.h"

#include <stdint.h>
#include <stdlib.h>

/* What is accepted is written again as the same bytes. */
int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	char const *s = (char const *)data;
	enum verification kind;
	struct span value;
	stralloc sa = STRALLOC_ZERO;

	if (verification_question_parse(&value, s, size) == 0) {
		if (!verification_question_format(&sa, value) ||
			!span_equal(span(sa.s, sa.len), span(s, size)))
			abort();
	} else if (verification_answer_parse(&kind, &value, s, size) == 0) {
		/* the text may come back cleaned */
		if (!verification_answer_format(&sa, kind, value) || sa.len != size ||
			sa.s[0] != s[0])
			abort();
	}
	stralloc_free(&sa);
	return 0;
}
