#ifndef WIRE_JOB_H
#define WIRE_JOB_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "wire/envelope.h"

/*
 * What send asks of a worker (tern-remote, tern-local) in one packet, with the
 * descriptor of the queue entry: deliver the first `length` bytes of it, from
 * this sender to these recipients of the one destination this worker serves.
 * A worker gets one job at a time or several; it reports each, in order.
 */
enum {
	JOB_RECIPIENTS_MAX = 100,   /* RFC 5321, 4.5.3.1.8 */
	JOB_PACKET_MAX = 160 * 1024 /* 102 addresses, 100 wishes and the rest */
};

struct job {
	uint64_t number;  /* comes back in the report */
	uint64_t message; /* the id of the entry, for the log */
	uint64_t length;  /* bytes of the message at the start of the descriptor */
	enum body_type body;
	int smtputf8;
	struct span destination; /* remote: the domain; local: the whole local address */
	struct span sender;
	/* What the sender wants in notices, as SMTP carries it (RFC 3461); empty when not said. */
	struct span ret, envelope_id;
	size_t recipients;
	struct span recipient[JOB_RECIPIENTS_MAX];
	struct span notify[JOB_RECIPIENTS_MAX], original_recipient[JOB_RECIPIENTS_MAX];
};

/* Appends the job as one packet. Returns 1, or 0 without memory. */
int job_format(stralloc *sa, struct job const *job);

/*
 * Reads a packet; the spans look into s. Returns 0, or -1 when it is not a job.
 * A wish that SMTP could not carry becomes an empty one: the envelope comes
 * from anybody.
 */
int job_parse(struct job *job, char const *s, size_t len);

#endif
