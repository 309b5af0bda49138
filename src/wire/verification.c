#include "wire/verification.h"

#include "lib/text.h"
#include "wire/fields.h"

enum { QUESTION = 'R' };

static char const letters[] = {
	[VERIFICATION_YES] = 'Y', [VERIFICATION_NO] = 'N', [VERIFICATION_TROUBLE] = 'T'};

int
verification_question_format(stralloc *sa, struct span local)
{
	return stralloc_append(sa, QUESTION) && field_append(sa, local);
}

int
verification_question_parse(struct span *local, char const *s, size_t len)
{
	struct span rest;

	if (len == 0 || len > VERIFICATION_QUESTION_MAX || s[0] != QUESTION)
		return -1;
	rest = span(s + 1, len - 1);
	if (field_take(&rest, local) == -1 || rest.len || local->len == 0 ||
		local->len >= ADDRESS_LIMIT)
		return -1;
	return 0;
}

int
verification_answer_format(stralloc *sa, enum verification verification, struct span text)
{
	if (verification != VERIFICATION_TROUBLE)
		text.len = 0;
	if (text.len > VERIFICATION_TEXT_MAX)
		text.len = VERIFICATION_TEXT_MAX;
	return stralloc_append(sa, letters[verification]) && text_append_clean(sa, text) &&
	       stralloc_0(sa);
}

int
verification_answer_parse(
	enum verification *verification, struct span *text, char const *s, size_t len)
{
	struct span rest;

	if (len == 0 || len > VERIFICATION_ANSWER_MAX)
		return -1;
	rest = span(s + 1, len - 1);
	if (field_take(&rest, text) == -1 || rest.len)
		return -1;
	for (size_t i = 0; i < sizeof letters; i++) {
		if (s[0] != letters[i])
			continue;
		*verification = (enum verification)i;
		return i != VERIFICATION_TROUBLE && text->len ? -1 : 0;
	}
	return -1;
}
