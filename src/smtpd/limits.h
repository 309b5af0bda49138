#ifndef SMTPD_LIMITS_H
#define SMTPD_LIMITS_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "service/rates.h"

/* How much of us one client may have. Read once for all clients. */
enum {
	RECIPIENTS_DEFAULT = 1000,
	RECIPIENTS_MAX = 100000,
	MESSAGES_MAX = 1000000,
	ERRORS_DEFAULT = 20,
	ERRORS_MAX = 1000,
	TIMEOUT_DEFAULT = 300, /* seconds; RFC 5321, 4.5.3.2.7 */
	TIMEOUT_MAX = 86400,
	TIMEOUT_SESSION_DEFAULT = 3600,
	DATA_RATE_DEFAULT = 100, /* bytes a second */
	DATA_RATE_MAX = 1000000,
	DELAY_MAX = 60,  /* seconds */
	TARPIT_FROM = 3, /* errors that cost no time */
	RATE_COUNT_MAX = 1000000000,
	RATE_SECONDS_MAX = 86400
};

struct limits {
	uint64_t databytes;       /* 0: no limit */
	uint64_t recipients;      /* of a message */
	uint64_t messages;        /* of a connection; 0: no limit */
	uint64_t errors;          /* since the last accepted message */
	uint64_t timeout;         /* seconds for a command */
	uint64_t timeout_data;    /* seconds for the next bytes of a text */
	uint64_t timeout_session; /* seconds without a message that is accepted */
	uint64_t data_rate;       /* bytes a second that a text must bring; 0: any */
	uint64_t greet_delay;     /* seconds of silence before the greeting */
	uint64_t tarpit;          /* seconds that a refusal takes, from TARPIT_FROM errors on */
	struct rate_limit rates[RATES];
};

/* Returns 0; or -1 with *why. */
int limits_load(struct limits *limits, stralloc *why);

/* Reads "count/time", as in 100/1h. Returns 0, or -1 with *reason, a part of a sentence. */
int limits_rate_parse(struct rate_limit *limit, struct span text, char const **reason);

#endif
