#include "smtpd/envelope.h"

#include "lib/clock.h"
#include "lib/number.h"
#include "smtpd/policy.h"
#include "wire/dsnparameter.h"

static char const no_memory[] = "452 4.3.1 out of memory";

/*
 * Readers of one parameter each: they put what it says into the transaction,
 * and return NULL or the reply that refuses it.
 */
typedef char const *parameter_reader(
	struct session *s, struct smtp_parameter const *parameter, stralloc *records);

struct parameter_kind {
	struct span keyword;
	parameter_reader *read;
};

/* SIZE (RFC 1870). A number of any length is one; one that does not fit is over each limit. */
static char const *
size_read(struct session *s, struct smtp_parameter const *parameter, stralloc *records)
{
	struct span value = parameter->value;
	uint64_t size;

	(void)records;
	if (value.len == 0 || value.len > 20)
		return "501 5.5.4 SIZE needs a number of at most 20 digits";
	for (size_t i = 0; i < value.len; i++)
		if (value.s[i] < '0' || value.s[i] > '9')
			return "501 5.5.4 SIZE needs a number";
	if (number_parse(value, UINT64_MAX, &size) == -1)
		size = UINT64_MAX;
	if (s->client.databytes && size > s->client.databytes)
		return "552 5.3.4 this message is over our limit";
	s->transaction.size = size;
	return NULL;
}

/* BODY (RFC 6152). */
static char const *
body_read(struct session *s, struct smtp_parameter const *parameter, stralloc *records)
{
	(void)records;
	if (span_case_equal(parameter->value, SPAN_LITERAL("8BITMIME")))
		s->transaction.body = BODY_8BIT;
	else if (!span_case_equal(parameter->value, SPAN_LITERAL("7BIT")))
		return "501 5.5.4 BODY is 7BIT or 8BITMIME";
	return NULL;
}

/* SMTPUTF8 (RFC 6531, 3.4). */
static char const *
smtputf8_read(struct session *s, struct smtp_parameter const *parameter, stralloc *records)
{
	(void)records;
	if (parameter->has_value)
		return "501 5.5.4 SMTPUTF8 takes no value";
	s->transaction.smtputf8 = 1;
	return NULL;
}

/* RET and ENVID (RFC 3461, 4.3 and 4.4). */
static char const *
ret_read(struct session *s, struct smtp_parameter const *parameter, stralloc *records)
{
	(void)s;
	if (!dsn_ret_is_good(parameter->value))
		return "501 5.5.4 RET is FULL or HDRS";
	return envelope_append(records, 'R', parameter->value) ? NULL : no_memory;
}

static char const *
envid_read(struct session *s, struct smtp_parameter const *parameter, stralloc *records)
{
	(void)s;
	if (!dsn_envid_is_good(parameter->value))
		return "501 5.5.4 ENVID needs at most 100 bytes of xtext";
	return envelope_append(records, 'E', parameter->value) ? NULL : no_memory;
}

/* NOTIFY and ORCPT (RFC 3461, 4.1 and 4.2). */
static char const *
notify_read(struct session *s, struct smtp_parameter const *parameter, stralloc *records)
{
	unsigned notify;

	(void)s;
	if (dsn_notify_parse(&notify, parameter->value) == -1)
		return "501 5.5.4 NOTIFY is NEVER or a list of SUCCESS, FAILURE, DELAY";
	return stralloc_append(records, 'N') && dsn_notify_append(records, notify) &&
			       stralloc_0(records)
		       ? NULL
		       : no_memory;
}

static char const *
orcpt_read(struct session *s, struct smtp_parameter const *parameter, stralloc *records)
{
	if (!dsn_orcpt_is_good(parameter->value, s->transaction.smtputf8))
		return "501 5.5.4 ORCPT needs a type, a semicolon and an address in xtext";
	return envelope_append(records, 'O', parameter->value) ? NULL : no_memory;
}

static struct parameter_kind const sender_parameters[] = {
	{{"SIZE", 4}, size_read},
	{{"BODY", 4}, body_read},
	{{"SMTPUTF8", 8}, smtputf8_read},
	{{"RET", 3}, ret_read},
	{{"ENVID", 5}, envid_read},
	{{NULL, 0}, NULL},
};

static struct parameter_kind const recipient_parameters[] = {
	{{"NOTIFY", 6}, notify_read},
	{{"ORCPT", 5}, orcpt_read},
	{{NULL, 0}, NULL},
};

/* Reads all of them, each at most once. Returns NULL, or the reply that refuses one. */
static char const *
parameters_read(
	struct session *s, struct span rest, struct parameter_kind const *kinds, stralloc *records)
{
	struct smtp_parameter parameter;
	unsigned seen = 0;
	int r;

	while ((r = smtp_parameter_next(&parameter, &rest)) == 1) {
		unsigned i = 0;
		char const *refusal;

		while (kinds[i].read && !span_case_equal(parameter.keyword, kinds[i].keyword))
			i++;
		if (!kinds[i].read)
			return "555 5.5.4 this parameter is not known here";
		if (seen & 1u << i)
			return "501 5.5.4 a parameter is given twice";
		seen |= 1u << i;
		refusal = kinds[i].read(s, &parameter, records);
		if (refusal)
			return refusal;
	}
	return r == -1 ? "501 5.5.4 the parameters make no sense" : NULL;
}

static char const *
syntax_reply(enum smtp_syntax syntax, int sender)
{
	switch (syntax) {
	case SMTP_EIGHT_BIT: return "553 5.6.7 this address is neither ASCII nor UTF-8";
	case SMTP_TOO_LONG: return "501 5.1.3 this address is too long";
	default:
		return sender ? "501 5.1.7 the form is MAIL FROM:<user@domain>"
			      : "501 5.1.3 the form is RCPT TO:<user@domain>";
	}
}

/* RFC 6531, 3.5. */
static char const *
utf8_check(struct session const *s, struct smtp_path const *path)
{
	return path->utf8 && !s->transaction.smtputf8
		       ? "553 5.6.7 an address that is not ASCII needs SMTPUTF8"
		       : NULL;
}

static char const *
sender_read(struct session *s, struct span argument)
{
	struct transaction *t = &s->transaction;
	struct span parameters;
	enum smtp_syntax syntax =
		smtp_path_parse(&t->sender, &parameters, argument, SPAN_LITERAL("FROM:"));
	char const *refusal;

	if (syntax != SMTP_GOOD)
		return syntax_reply(syntax, 1);
	refusal = parameters_read(s, parameters, sender_parameters, &t->wishes);
	if (!refusal)
		refusal = utf8_check(s, &t->sender);
	return refusal ? refusal : policy_sender(s, &t->sender);
}

void
envelope_sender(struct session *s, struct span argument)
{
	char const *refusal;

	session_reset(s);
	refusal = sender_read(s, argument);
	if (refusal) {
		session_reset(s);
		session_reply(s, refusal);
		return;
	}
	s->transaction.begun = clock_monotonic();
	s->state = SESSION_MAIL;
	session_reply(s, "250 2.1.0 ok");
}

/* Appends its records to those of the transaction. */
static char const *
recipient_read(struct session *s, struct span argument)
{
	struct transaction *t = &s->transaction;
	struct smtp_path path;
	struct span parameters;
	enum smtp_syntax syntax =
		smtp_path_parse(&path, &parameters, argument, SPAN_LITERAL("TO:"));
	char const *refusal;

	if (syntax != SMTP_GOOD)
		return syntax_reply(syntax, 0);
	refusal = parameters_read(s, parameters, recipient_parameters, &t->records);
	if (!refusal)
		refusal = utf8_check(s, &path);
	if (!refusal)
		refusal = policy_recipient(s, &path);
	if (refusal)
		return refusal;
	t->has_utf8_recipient |= path.utf8;
	return envelope_append(&t->records, 'T', span(path.address, path.len)) ? NULL : no_memory;
}

void
envelope_recipient(struct session *s, struct span argument)
{
	struct transaction *t = &s->transaction;
	size_t before = t->records.len;
	char const *refusal;

	if (t->recipients >= s->settings->limits.recipients) {
		session_reply(s, "452 4.5.3 too many recipients for one message");
		return;
	}
	refusal = recipient_read(s, argument);
	if (refusal) {
		t->records.len = before;
		session_reply(s, refusal);
		return;
	}
	t->recipients++;
	s->state = SESSION_RECIPIENTS;
	session_reply(s, "250 2.1.5 ok");
}
