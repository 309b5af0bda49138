#ifndef WIRE_DIAGNOSIS_H
#define WIRE_DIAGNOSIS_H

#include "lib/span.h"

/*
 * What can be read out of the words that explain a failure: a server's reply
 * quoted in them ("... Remote host said: 550 5.1.1 no such user"), and a code
 * of RFC 3463 of our own programs ("(#5.4.7)").
 */

/* A status with its ending NUL: three digits at most in each of the last parts. */
enum { STATUS_MAX = sizeof "5.999.999" };

struct diagnosis {
	char status[STATUS_MAX]; /* of RFC 3463 */
	struct span reply;       /* the server's words, looks into the text; empty: none */
};

/* Of a failure: the status is always of class 5, since what is told is final. */
void diagnosis_read(struct diagnosis *diagnosis, struct span text);

/* Of what did not fail: a status of class '2' or '4', whatever the text says. */
void diagnosis_read_as(struct diagnosis *diagnosis, struct span text, char class);

#endif
