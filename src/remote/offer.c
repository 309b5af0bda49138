#include "remote/offer.h"

#include "lib/text.h"
#include "wire/smtppath.h"

/* Appends " NAME=value" when there is a value and the server knows DSN (RFC 3461, 5.2). */
static int
wish_append(stralloc *out, struct session const *session, char const *name, struct span value)
{
	if (value.len == 0 || !(session->extensions & EXTENSION_DSN))
		return 1;
	return text_append(out, " ", name, "=", (char *)0) &&
	       stralloc_catb(out, value.s, value.len);
}

int
offer_mail(stralloc *out, struct session const *session, struct job const *job, uint64_t size)
{
	if (!text_append(out, "MAIL FROM:", (char *)0) || !smtppath_append(out, job->sender))
		return 0;
	if (size && (!text_append(out, " SIZE=", (char *)0) || !text_append_number(out, size)))
		return 0;
	if (job->body == BODY_8BIT && session->extensions & EXTENSION_8BITMIME &&
		!text_append(out, " BODY=8BITMIME", (char *)0))
		return 0;
	if (job->smtputf8 && !text_append(out, " SMTPUTF8", (char *)0))
		return 0;
	return wish_append(out, session, "RET", job->ret) &&
	       wish_append(out, session, "ENVID", job->envelope_id) &&
	       text_append(out, "\r\n", (char *)0);
}

int
offer_rcpt(stralloc *out, struct session const *session, struct job const *job, size_t recipient)
{
	return text_append(out, "RCPT TO:", (char *)0) &&
	       smtppath_append(out, job->recipient[recipient]) &&
	       wish_append(out, session, "NOTIFY", job->notify[recipient]) &&
	       wish_append(out, session, "ORCPT", job->original_recipient[recipient]) &&
	       text_append(out, "\r\n", (char *)0);
}
