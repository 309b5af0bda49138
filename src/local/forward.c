#include "local/forward.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/exits.h"
#include "lib/text.h"
#include "local/place.h"
#include "service/submit.h"
#include "wire/dsnparameter.h"
#include "wire/queueexit.h"

static struct submit submit = SUBMIT_ZERO;
static int is_connected;

int
forward_is_list(struct mail const *mail)
{
	return !span_equal(span(mail->new_sender.s, mail->new_sender.len),
		span(mail->sender.s, mail->sender.len));
}

/*
 * The sender who wants to hear of success hears that the address was expanded;
 * of what then becomes of each copy only failure and delay are left to tell
 * (RFC 3461, 5.2.7.3).
 */
static int
append_notify(stralloc *envelope, struct span wanted)
{
	stralloc words = STRALLOC_ZERO;
	unsigned notify;
	int good;

	if (dsn_notify_parse(&notify, wanted) == -1)
		return 1;
	notify &= ~(unsigned)DSN_SUCCESS;
	good = dsn_notify_append(&words, notify ? notify : DSN_NEVER) &&
	       envelope_append(envelope, 'N', span(words.s, words.len));
	stralloc_free(&words);
	return good;
}

static int
append_recipient(stralloc *envelope, struct mail const *mail, struct span address)
{
	if (!forward_is_list(mail) &&
		(!append_notify(envelope, mail->notify) ||
			(mail->original_recipient.len &&
				!envelope_append(envelope, 'O', mail->original_recipient))))
		return 0;
	return envelope_append(envelope, 'T', address);
}

/* The wishes of the sender for all recipients. */
static int
append_wishes(stralloc *envelope, struct mail const *mail)
{
	if (forward_is_list(mail))
		return 1;
	return (mail->ret.len == 0 || envelope_append(envelope, 'R', mail->ret)) &&
	       (mail->envelope_id.len == 0 || envelope_append(envelope, 'E', mail->envelope_id));
}

static int
make_envelope(stralloc *envelope, struct mail const *mail, struct span addresses)
{
	if (mail->body == BODY_8BIT && !envelope_append(envelope, 'b', SPAN_LITERAL("8")))
		return 0;
	if (mail->smtputf8 && !envelope_append(envelope, 'U', span("", 0)))
		return 0;
	if (!append_wishes(envelope, mail))
		return 0;
	if (!envelope_append(envelope, 'F', span(mail->new_sender.s, mail->new_sender.len)))
		return 0;
	while (addresses.len)
		if (!append_recipient(envelope, mail, span_cut(&addresses, '\0')))
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
