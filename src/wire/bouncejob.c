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
