#include "local/forward.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/exits.h"
#include "lib/text.h"
#include "local/place.h"
#include "service/submit.h"
#include "wire/queueexit.h"

static struct submit submit = SUBMIT_ZERO;
static int is_connected;

static int
make_envelope(stralloc *envelope, struct mail const *mail, struct span addresses)
{
	if (mail->body == BODY_8BIT && !envelope_append(envelope, 'b', SPAN_LITERAL("8")))
		return 0;
	if (mail->smtputf8 && !envelope_append(envelope, 'U', span("", 0)))
		return 0;
	if (!envelope_append(envelope, 'F', span(mail->new_sender.s, mail->new_sender.len)))
		return 0;
	while (addresses.len)
		if (!envelope_append(envelope, 'T', span_cut(&addresses, '\0')))
			return 0;
	return 1;
}

static enum verdict
judge(struct submit_result const *result, stralloc *text)
{
	enum verdict verdict = queue_exit_is_permanent(result->code) ? VERDICT_FAILED
			       : result->code == QUEUE_DEFERRED      ? VERDICT_DEFERRED
								     : VERDICT_TROUBLE;

	return mail_verdict(text, verdict, "Unable to forward the message: ",
		*result->text ? result->text : queue_exit_text(result->code),
		verdict == VERDICT_FAILED ? ". (#5.3.0)" : ". (#4.3.0)", (char *)0);
}

/* The working directory is tern's home. */
static enum verdict
hand_over(struct mail *mail, struct span envelope, stralloc *text)
{
	struct submit_result result = {0};
	uint64_t offset = 0;
	struct span piece;
	int r;

	if (submit_begin(&submit, span("", 0), &result) == -1)
		return judge(&result, text);
	is_connected = 1;
	submit_message(&submit, span(mail->delivered_to.s, mail->delivered_to.len));
	while ((r = message_next(&mail->message, &offset, &piece)) == 1)
		submit_message(&submit, piece);
	if (r == -1) {
		submit_abort(&submit);
		return mail_verdict_errno(text, "read", "the message");
	}
	submit_envelope(&submit, envelope);
	if (submit_finish(&submit, &result) == -1)
		return judge(&result, text);
	mail_verdict(text, VERDICT_DELIVERED, "qp ", (char *)0);
	text_append_number(text, result.pid);
	return mail_verdict(text, VERDICT_DELIVERED, "\n", (char *)0);
}

enum verdict
forward_send(struct mail *mail, struct span addresses, stralloc *text)
{
	static stralloc envelope;
	enum verdict verdict;

	envelope.len = 0;
	if (!make_envelope(&envelope, mail, addresses))
		return mail_verdict_errno(text, "forward", "the message");
	if (place_visit_tern(mail->to) == -1)
		return mail_verdict_errno(text, "forward: to reach", "the home of tern");
	verdict = hand_over(mail, span(envelope.s, envelope.len), text);
	if (place_return() == -1) {
		perror("tern-local: fatal: unable to return to the home");
		exit(EXIT_TEMPORARY);
	}
	return verdict;
}

int
forward_is_connected(void)
{
	return is_connected;
}

void
forward_idle(void)
{
	if (is_connected)
		submit_close(&submit);
	is_connected = 0;
}
