#ifndef SMTPD_MAILBOX_H
#define SMTPD_MAILBOX_H

#include "lib/span.h"
#include "smtpd/settings.h"
#include "wire/verification.h"

/*
 * Whether mail for this address can be delivered here: asks tern-verify at
 * run/lookup/socket, where the address is a local one. What was answered to
 * this process is remembered for a short time. For VERIFICATION_TROUBLE *why is
 * what happened, valid until the next call.
 */
enum {
	MAILBOX_TIMEOUT = 30, /* seconds for an answer; accounts may be far away */
	MAILBOX_CACHE = 32,   /* answers that are remembered */
	MAILBOX_YES_MAX = 60, /* seconds for which they are */
	MAILBOX_NO_MAX = 10
};

enum verification mailbox_verify(
	struct settings const *settings, struct span address, struct span *why);

#endif
