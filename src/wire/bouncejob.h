#ifndef WIRE_BOUNCEJOB_H
#define WIRE_BOUNCEJOB_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "wire/notice.h"
#include "wire/report.h"

/*
 * send asks tern-bounce to tell the sender of a message about every recipient
 * that wire/notice.h says a notice of this kind is about: one packet with two
 * descriptors, the queue entry and its history. The state is what
 * wire/delivery.h makes of them.
 */
enum { BOUNCE_PACKET_MAX = 1024 };

struct bounce_job {
	uint64_t message; /* the id of the entry */
	enum notice_kind kind;
};

struct bounce_answer {
	uint64_t message;
	enum verdict verdict; /* DELIVERED: on disk; TROUBLE: ask again later; FAILED: dropped */
	struct span text;     /* DELIVERED: "ID PID" of the bounce; otherwise the reason */
};

int bounce_job_format(stralloc *sa, struct bounce_job const *job);
int bounce_answer_format(stralloc *sa, struct bounce_answer const *answer);

/* Read a packet; the spans look into s. Return 0, or -1 when it is not one. */
int bounce_job_parse(struct bounce_job *job, char const *s, size_t len);
int bounce_answer_parse(struct bounce_answer *answer, char const *s, size_t len);

#endif
