#include "wire/job.h"

#include "wire/dsnparameter.h"
#include "wire/fields.h"

enum { RET_MAX = 4, NOTIFY_MAX = 40 };

/*
 * number message length body smtputf8 destination sender recipients...; with
 * wishes also an empty field, ret, envelope id, and for each recipient notify
 * and original recipient.
 */

static int
has_wishes(struct job const *job)
{
	if (job->ret.len || job->envelope_id.len)
		return 1;
	for (size_t i = 0; i < job->recipients; i++)
		if (job->notify[i].len || job->original_recipient[i].len)
			return 1;
	return 0;
}

static struct span
at_most(struct span value, size_t max)
{
	return value.len <= max ? value : span("", 0);
}

static int
wishes_format(stralloc *sa, struct job const *job)
{
	if (!field_append(sa, span("", 0)) || !field_append(sa, at_most(job->ret, RET_MAX)) ||
		!field_append(sa, at_most(job->envelope_id, DSN_ENVID_MAX)))
		return 0;
	for (size_t i = 0; i < job->recipients; i++)
		if (!field_append(sa, at_most(job->notify[i], NOTIFY_MAX)) ||
			!field_append(sa, at_most(job->original_recipient[i], DSN_ORCPT_MAX)))
			return 0;
	return 1;
}

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
	return !has_wishes(job) || wishes_format(sa, job);
}

/* Takes a wish off *rest, which becomes empty when it is not good. */
static int
wish_take(struct span *rest, struct span *wish, int (*is_good)(struct span))
{
	if (field_take(rest, wish) == -1)
		return -1;
	if (!is_good(*wish))
		wish->len = 0;
	return 0;
}

static int
is_notify(struct span value)
{
	unsigned notify;

	return dsn_notify_parse(&notify, value) == 0;
}

static int
is_orcpt(struct span value)
{
	return dsn_orcpt_is_good(value, 0);
}

static int
is_orcpt_utf8(struct span value)
{
	return dsn_orcpt_is_good(value, 1);
}

static int
wishes_parse(struct job *job, struct span rest)
{
	if (wish_take(&rest, &job->ret, dsn_ret_is_good) == -1 ||
		wish_take(&rest, &job->envelope_id, dsn_envid_is_good) == -1)
		return -1;
	for (size_t i = 0; i < job->recipients; i++)
		if (wish_take(&rest, &job->notify[i], is_notify) == -1 ||
			wish_take(&rest, &job->original_recipient[i],
				job->smtputf8 ? is_orcpt_utf8 : is_orcpt) == -1)
			return -1;
	return rest.len ? -1 : 0;
}

static void
wishes_clear(struct job *job)
{
	job->ret = job->envelope_id = span("", 0);
	for (size_t i = 0; i < job->recipients; i++)
		job->notify[i] = job->original_recipient[i] = span("", 0);
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

		if (field_take(&rest, &recipient) == -1)
			return -1;
		if (recipient.len == 0)
			return job->recipients ? wishes_parse(job, rest) : -1;
		if (job->recipients == JOB_RECIPIENTS_MAX || recipient.len >= ADDRESS_LIMIT)
			return -1;
		job->recipient[job->recipients] = recipient;
	}
	wishes_clear(job);
	return job->recipients ? 0 : -1;
}
