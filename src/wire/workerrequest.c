#include "wire/workerrequest.h"

#include "wire/fields.h"

int
worker_request_format(stralloc *sa, struct worker_request const *request)
{
	return field_append_number(sa, request->number) && field_append(sa, request->destination);
}

int
worker_request_parse(struct worker_request *request, char const *s, size_t len)
{
	struct span rest = span(s, len);

	if (field_take_number(&rest, UINT64_MAX, &request->number) == -1 ||
		field_take(&rest, &request->destination) == -1 || rest.len ||
		request->destination.len == 0 || request->destination.len >= ADDRESS_LIMIT)
		return -1;
	return 0;
}

int
worker_answer_format(stralloc *sa, struct worker_answer const *answer)
{
	char letter = verdict_letter(answer->verdict);
	struct span text = answer->text;

	if (text.len > REPORT_TEXT_MAX)
		text.len = REPORT_TEXT_MAX;
	text.len = span_find(text, '\0');
	return field_append_number(sa, answer->number) && stralloc_catb(sa, &letter, 1) &&
	       field_append(sa, text);
}

int
worker_answer_parse(struct worker_answer *answer, char const *s, size_t len)
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
