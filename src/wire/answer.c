#include "wire/answer.h"

#include "wire/fields.h"

int
answer_format(stralloc *sa, struct answer const *answer)
{
	char letter = verdict_letter(answer->verdict);

	return field_append_number(sa, answer->number) && stralloc_catb(sa, &letter, 1) &&
	       field_append(sa, report_text(answer->text));
}

int
answer_parse(struct answer *answer, char const *s, size_t len)
{
	struct span rest = span(s, len);
	struct span text;

	if (field_take_number(&rest, UINT64_MAX, &answer->number) == -1 ||
		field_take(&rest, &text) == -1 || rest.len || text.len == 0 ||
		text.len > REPORT_TEXT_MAX + 1 || verdict_parse(&answer->verdict, text.s[0]) == -1)
		return -1;
	answer->text = span(text.s + 1, text.len - 1);
	return 0;
}
