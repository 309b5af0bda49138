#ifndef WIRE_SMTPDCOUNTS_H
#define WIRE_SMTPDCOUNTS_H

#include <stddef.h>

#include "lib/span.h"

/*
 * What the workers of tern-smtpd count (lib/counters.h), and tern metrics reads:
 * connections, messages, and refusals by class of reply and reason.
 */
#define SMTPDCOUNTS_FILE "run/smtpd/counters"

enum { SMTPDCOUNTS_REASONS = 21 };

enum smtpdcount {
	SMTPDCOUNT_CONNECTIONS,
	SMTPDCOUNT_ACCEPTED,
	SMTPDCOUNT_REFUSED_4XX,
	SMTPDCOUNT_REFUSED_5XX = SMTPDCOUNT_REFUSED_4XX + SMTPDCOUNTS_REASONS,
	SMTPDCOUNTS = SMTPDCOUNT_REFUSED_5XX + SMTPDCOUNTS_REASONS
};

/* The word of a reason; the last is "other". */
char const *smtpdcounts_reason(size_t i);

/* Which number counts a refusal by that reply ("550 ...") for that reason. */
size_t smtpdcounts_refusal(char const *reply, char const *reason);

#endif
