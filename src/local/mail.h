#ifndef LOCAL_MAIL_H
#define LOCAL_MAIL_H

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "local/message.h"
#include "wire/envelope.h"
#include "wire/report.h"

/* Whom this process delivers to: the arguments of the program, see main.c. */
struct recipient {
	char const *user, *home, *local, *dash, *ext, *domain, *default_delivery;
	int tern; /* the home of tern, open as a directory; -1: it could not be */
};

/*
 * One message on its way to the recipient. All strings are ended by a NUL that
 * len does not count.
 */
struct mail {
	struct recipient const *to;
	struct message message;
	enum body_type body;
	int smtputf8;
	stralloc sender;
	stralloc new_sender;   /* for what is forwarded: the sender, or the list's owner */
	stralloc return_path;  /* Return-Path: <sender>\n */
	stralloc delivered_to; /* Delivered-To: recipient\n */
	stralloc from_line;    /* From sender date\n */
	char const *rest;      /* of the extension, what "default" stands for; NULL: nothing */
	unsigned seconds_max;  /* for each program */
	/* What the sender wants in notices, as the job has it (RFC 3461). */
	struct span ret, envelope_id, notify, original_recipient;
	enum handover handover; /* set by the delivery */
};

/* Makes the lines for a new message. Returns 1, or 0 without memory. */
int mail_begin(struct mail *mail, struct recipient const *to, struct span sender);

/*
 * Append a sentence and return the verdict, so that it can be said and decided
 * in one line. The list ends with a NULL.
 */
enum verdict mail_verdict(stralloc *text, enum verdict verdict, ...);

/*
 * The verdict that errno stands for: a quota is the recipient's own, and
 * counts as an answer; all else is trouble of this system.
 */
enum verdict mail_verdict_errno(stralloc *text, char const *what, char const *name);

#endif
