#include "wire/bouncejob.h"

#include "wire/fields.h"

/* A job is the id of the message and the letter of the notice; an answer the id, then a letter and
 * the text in one field. */

int
bounce_job_format(stralloc *sa, struct bounce_job const *job)
{
	char letter = notice_letter(job->kind);

	return field_append_number(sa, job->message) && field_append(sa, span(&letter, 1));
}

int
bounce_job_parse(struct bounce_job *job, char const *s, size_t len)
{
	struct span rest = span(s, len);
	struct span letter;

	if (field_take_number(&rest, UINT64_MAX, &job->message) == -1 ||
		field_take(&rest, &letter) == -1 || letter.len != 1 || rest.len)
		return -1;
	return notice_kind_parse(&job->kind, letter.s[0]);
}

int
bounce_answer_format(stralloc *sa, struct bounce_answer const *answer)
{
	char letter = verdict_letter(answer->verdict);
	struct span text = answer->text;

	if (text.len > REPORT_TEXT_MAX)
		text.len = REPORT_TEXT_MAX;
	text.len = span_find(text, '\0');
	return field_append_number(sa, answer->message) && stralloc_catb(sa, &letter, 1) &&
	       field_append(sa, text);
}

int
bounce_answer_parse(struct bounce_answer *answer, char const *s, size_t len)
{
	struct span rest = span(s, len);
	struct span text;

	if (field_take_number(&rest, UINT64_MAX, &answer->message) == -1 ||
		field_take(&rest, &text) == -1 || rest.len || text.len == 0 ||
		text.len > REPORT_TEXT_MAX + 1 || verdict_parse(&answer->verdict, text.s[0]) == -1)
		return -1;
	answer->text = span(text.s + 1, text.len - 1);
	return 0;
}
