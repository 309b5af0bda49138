#include "wire/job.h"

#include "wire/fields.h"

/* number message length body smtputf8 destination sender recipients... */

int
job_format(stralloc *sa, struct job const *job)
{
	if (!field_append_number(sa, job->number) || !field_append_number(sa, job->message) ||
		!field_append_number(sa, job->length) ||
		!field_append_number(sa, job->body == BODY_8BIT) ||
		!field_append_number(sa, job->smtputf8 != 0) ||
		!field_append(sa, job->destination) || !field_append(sa, job->sender))
		return 0;
	for (size_t i = 0; i < job->recipients; i++)
		if (!field_append(sa, job->recipient[i]))
			return 0;
	return 1;
}

int
job_parse(struct job *job, char const *s, size_t len)
{
	struct span rest = span(s, len);
	uint64_t eight, utf8;

	if (field_take_number(&rest, UINT64_MAX, &job->number) == -1 ||
		field_take_number(&rest, UINT64_MAX, &job->message) == -1 ||
		field_take_number(&rest, INT64_MAX, &job->length) == -1 ||
		field_take_number(&rest, 1, &eight) == -1 ||
		field_take_number(&rest, 1, &utf8) == -1 ||
		field_take(&rest, &job->destination) == -1 || job->destination.len == 0 ||
		job->destination.len >= ADDRESS_LIMIT || field_take(&rest, &job->sender) == -1 ||
		job->sender.len >= ADDRESS_LIMIT)
		return -1;
	job->body = eight ? BODY_8BIT : BODY_7BIT;
	job->smtputf8 = (int)utf8;
	for (job->recipients = 0; rest.len; job->recipients++) {
		struct span recipient;

		if (job->recipients == JOB_RECIPIENTS_MAX || field_take(&rest, &recipient) == -1 ||
			recipient.len == 0 || recipient.len >= ADDRESS_LIMIT)
			return -1;
		job->recipient[job->recipients] = recipient;
	}
	return job->recipients ? 0 : -1;
}
