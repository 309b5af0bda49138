#include "inject/send.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "inject/author.h"
#include "inject/compose.h"
#include "inject/fail.h"
#include "inject/input.h"
#include "lib/clock.h"
#include "lib/durable.h"
#include "service/submit.h"
#include "wire/envelope.h"
#include "wire/header.h"
#include "wire/queueexit.h"

struct job {
	struct request const *request;
	struct names const *names;
	struct input input;
	stralloc sender;
	stralloc recipients; /* each ended by a NUL */
	int eight_bit;       /* the message holds such bytes */
	struct submit submit;
};

static int
has_eight_bit(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.s[i] > 127)
			return 1;
	return 0;
}

/* An argument as it is: the domain is what follows its last @. */
static int
plain_recipient(stralloc *plain, char const *argument)
{
	struct span s = span_string(argument);

	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.s[i] < ' ' || s.s[i] == 127)
			return -1;
	plain->len = 0;
	if (!stralloc_catb(plain, s.s, s.len))
		fail_memory();
	return s.len ? 0 : -1;
}

static void
recipient_append(stralloc *recipients, stralloc *plain, struct names const *names)
{
	if (plain->len == 0)
		return;
	if (!names_complete(names, plain) || !stralloc_catb(recipients, plain->s, plain->len) ||
		!stralloc_0(recipients))
		fail_memory();
}

void
send_recipient_read(
	stralloc *recipients, char const *argument, int is_list, struct names const *names)
{
	struct header_addresses list = {span_string(argument), 0};
	stralloc plain = STRALLOC_ZERO;
	struct header_address a = {.plain = &plain};
	enum header_result r = HEADER_END;

	if (is_list)
		while ((r = header_address_next(&list, &a)) == HEADER_ADDRESS)
			recipient_append(recipients, &plain, names);
	else if (plain_recipient(&plain, argument) == 0)
		recipient_append(recipients, &plain, names);
	else
		r = HEADER_WRONG;
	if (r == HEADER_NO_MEMORY)
		fail_memory();
	if (r == HEADER_WRONG)
		fail(FAIL_USAGE, "not an address: ", argument, (char *)NULL);
	stralloc_free(&plain);
}

static void
arguments_read(struct job *job)
{
	for (char *const *r = job->request->recipients; *r; r++)
		send_recipient_read(&job->recipients, *r, job->request->lists, job->names);
}

static int
header_counts(struct request const *request)
{
	switch (request->from) {
	case RECIPIENTS_HEADER:
	case RECIPIENTS_BOTH: return 1;
	case RECIPIENTS_EITHER: return !*request->recipients;
	case RECIPIENTS_ARGUMENTS: break;
	}
	return 0;
}

static void
input_check(enum input_result r)
{
	if (r == INPUT_TOO_LARGE)
		fail(FAIL_DATA, "the header is larger than 10 MiB: the message was not sent",
			(char *)NULL);
	if (r == INPUT_ERROR)
		fail(FAIL_IO, "the message can not be read: ", strerror(errno), ": it was not sent",
			(char *)NULL);
}

/* -f, then Return-Path, then what the environment says. */
static void
sender_decide(struct job *job, struct author const *author, struct composed const *composed)
{
	if (job->request->sender)
		author_sender_said(&job->sender, job->request->sender, job->names);
	else if (!stralloc_copy(
			 &job->sender, composed->has_return_path && !author->ignore_return_path
					       ? &composed->return_path
					       : &author->sender))
		fail_memory();
}

/* Reads and completes the header; whom it is from and for is then known. */
static void
header_prepare(struct job *job, struct composed *composed, struct span lists)
{
	struct author author = AUTHOR_ZERO;
	struct span header;
	uint64_t now = clock_wall();

	author_find(&author, job->request, job->names, now);
	if (job->request->from != RECIPIENTS_HEADER)
		arguments_read(job);
	input_check(input_header(&job->input, &header));
	compose(composed, header, &author, job->names, lists, header_counts(job->request), now);
	if (header_counts(job->request) &&
		!stralloc_catb(&job->recipients, composed->recipients.s, composed->recipients.len))
		fail_memory();
	sender_decide(job, &author, composed);
	if (!stralloc_catb(&composed->header, "\n", 1))
		fail_memory();
	job->eight_bit = has_eight_bit(span(composed->header.s, composed->header.len));
	author_free(&author);
}

static void
message_print(struct job *job, struct span header)
{
	struct span piece = header;
	enum input_result r = INPUT_GOOD;

	do {
		if (durable_write(1, piece.s, piece.len) == -1)
			fail(FAIL_IO, "the message can not be written: ", strerror(errno),
				(char *)NULL);
	} while ((r = input_body(&job->input, &piece)) == INPUT_GOOD);
	input_check(r);
}

static enum failure
failure_of_queue(int code)
{
	switch (code) {
	case QUEUE_ADDRESS_TOO_LONG: return FAIL_DATA;
	case QUEUE_NO_MEMORY: return FAIL_SYSTEM;
	case QUEUE_READ: return FAIL_IO;
	case QUEUE_CONFIG: return FAIL_CONFIG;
	case QUEUE_INTERNAL:
	case QUEUE_FORMAT: return FAIL_SOFTWARE;
	default: return queue_exit_is_permanent(code) ? FAIL_UNAVAILABLE : FAIL_LATER;
	}
}

static void
queue_check(struct submit_result const *result)
{
	enum failure failure = failure_of_queue(result->code);
	char const *advice = "nothing of it was kept: try again later";

	if (result->code == QUEUE_OK)
		return;
	if (queue_exit_is_permanent(result->code))
		advice = "trying again will not help";
	else if (failure == FAIL_SOFTWARE)
		advice = "please report this";
	else if (result->code == QUEUE_UNREACHABLE)
		advice = "is tern running? look with: tern status";
	fail(failure, "the message was not sent: ", result->text, ": ", advice, (char *)NULL);
}

static void
record(stralloc *envelope, char letter, char const *value)
{
	if (value && !envelope_append(envelope, letter, span_string(value)))
		fail_memory();
}

/* What the caller asked of delivery notices stands before what it is about (wire/envelope.h). */
static void
envelope_make(struct job *job, stralloc *envelope)
{
	struct request const *request = job->request;
	struct span rest = span(job->recipients.s, job->recipients.len);

	if (job->eight_bit || request->eight_bit)
		record(envelope, 'b', "8");
	if (has_eight_bit(span(job->sender.s, job->sender.len)) || has_eight_bit(rest))
		record(envelope, 'U', "");
	record(envelope, 'R', request->ret);
	record(envelope, 'E', request->envelope_id);
	if (!envelope_append(envelope, 'F', span(job->sender.s, job->sender.len)))
		fail_memory();
	while (rest.len) {
		record(envelope, 'N', request->notify);
		if (!envelope_append(envelope, 'T', span_cut(&rest, '\0')))
			fail_memory();
	}
}

static void
message_queue(struct job *job, struct span header)
{
	struct submit_result result;
	stralloc envelope = STRALLOC_ZERO;
	struct span piece = header;
	enum input_result r = INPUT_GOOD;

	if (submit_begin(&job->submit, span("vlocal", sizeof "vlocal"), &result) == -1)
		queue_check(&result);
	do {
		submit_message(&job->submit, piece);
		job->eight_bit = job->eight_bit || has_eight_bit(piece);
	} while ((r = input_body(&job->input, &piece)) == INPUT_GOOD);
	if (r != INPUT_END)
		submit_abort(&job->submit);
	input_check(r);
	envelope_make(job, &envelope);
	submit_envelope(&job->submit, span(envelope.s, envelope.len));
	submit_finish(&job->submit, &result);
	submit_close(&job->submit);
	stralloc_free(&envelope);
	queue_check(&result);
	if (job->request->verbose)
		printf("the message is on disk as msg %llu\n", result.id);
}

void
send_message(struct request const *request, struct names const *names, struct span lists)
{
	struct job job = {.request = request, .names = names, .submit = SUBMIT_ZERO};
	struct composed composed = COMPOSED_ZERO;
	struct span header;

	input_init(&job.input, 0);
	if (request->from == RECIPIENTS_ARGUMENTS && !*request->recipients && !request->print)
		fail(FAIL_USAGE, "no recipients: name them, or use -t to take them from the header",
			(char *)NULL);
	header_prepare(&job, &composed, lists);
	header = span(composed.header.s, composed.header.len);
	if (request->print)
		message_print(&job, header);
	else if (job.recipients.len)
		message_queue(&job, header);
	else
		fail(FAIL_DATA, "no recipients in the header (To, Cc, Bcc) or the command line",
			(char *)NULL);
	composed_free(&composed);
	stralloc_free(&job.sender);
	stralloc_free(&job.recipients);
	input_free(&job.input);
}
