#ifndef WIRE_ANSWER_H
#define WIRE_ANSWER_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "wire/report.h"

/*
 * What send is answered when it asks for a worker (wire/workerrequest.h) or a
 * notice (wire/bouncejob.h): one packet, the number of the question, then a
 * letter and a text in one field.
 */
struct answer {
	uint64_t number;
	enum verdict verdict;
	struct span text; /* of at most REPORT_TEXT_MAX bytes */
};

/* Appends one packet; the text is cut to the limit. Returns 1, or 0 without memory. */
int answer_format(stralloc *sa, struct answer const *answer);

/* Reads a packet; the text looks into s. Returns 0, or -1 when it is not one. */
int answer_parse(struct answer *answer, char const *s, size_t len);

#endif
