#ifndef WIRE_WORKERREQUEST_H
#define WIRE_WORKERREQUEST_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "wire/report.h"

/*
 * send asks a spawner (tern-rspawn, tern-lspawn) for a worker that will serve
 * one destination, and gets the worker's socket as a descriptor, or the reason
 * why there is none.
 */
/* The longest packet of either kind. */
enum { WORKER_PACKET_MAX = 4096 };

struct worker_request {
	uint64_t number;         /* comes back in the answer */
	struct span destination; /* a domain, or a local address */
};

struct worker_answer {
	uint64_t number;
	enum verdict verdict; /* VERDICT_DELIVERED: the socket comes with the packet */
	struct span text;     /* otherwise: why not, of at most REPORT_TEXT_MAX bytes */
};

/* Append one packet. Return 1, or 0 without memory. */
int worker_request_format(stralloc *sa, struct worker_request const *request);
int worker_answer_format(stralloc *sa, struct worker_answer const *answer);

/* Read a packet; the spans look into s. Return 0, or -1 when it is not one. */
int worker_request_parse(struct worker_request *request, char const *s, size_t len);
int worker_answer_parse(struct worker_answer *answer, char const *s, size_t len);

#endif
