#ifndef WIRE_WORKERREQUEST_H
#define WIRE_WORKERREQUEST_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * send asks a spawner (tern-rspawn, tern-lspawn) for a worker that will serve
 * one destination. The answer (wire/answer.h) is DELIVERED and brings the
 * worker's socket as a descriptor, or its text says why there is none.
 */

/* The longest packet of either kind. */
enum { WORKER_PACKET_MAX = 4096 };

struct worker_request {
	uint64_t number;         /* comes back in the answer */
	struct span destination; /* a domain, or a local address */
};

/* Appends one packet. Returns 1, or 0 without memory. */
int worker_request_format(stralloc *sa, struct worker_request const *request);

/* Reads a packet; the destination looks into s. Returns 0, or -1 when it is not one. */
int worker_request_parse(struct worker_request *request, char const *s, size_t len);

#endif
