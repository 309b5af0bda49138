#ifndef WIRE_BOUNCEJOB_H
#define WIRE_BOUNCEJOB_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "wire/notice.h"

/*
 * send asks tern-bounce to tell the sender of a message about every recipient
 * that wire/notice.h says a notice of this kind is about: one packet with two
 * descriptors, the queue entry and its history. The state is what
 * wire/delivery.h makes of them. The answer (wire/answer.h) has the id as its
 * number; DELIVERED: the notice is on disk, and its text is "ID PID" of it;
 * TROUBLE: ask again later; FAILED: it is dropped; the text is why.
 */
enum { BOUNCE_PACKET_MAX = 1024 };

struct bounce_job {
	uint64_t message; /* the id of the entry */
	enum notice_kind kind;
};

/* Appends one packet. Returns 1, or 0 without memory. */
int bounce_job_format(stralloc *sa, struct bounce_job const *job);

/* Reads a packet. Returns 0, or -1 when it is not one. */
int bounce_job_parse(struct bounce_job *job, char const *s, size_t len);

#endif
