#ifndef QUEUE_SESSION_H
#define QUEUE_SESSION_H

#include "lib/span.h"

/*
 * A connection to the queue service: takes one message after the other by
 * wire/submission.h, until the client leaves, is silent for
 * SESSION_TIMEOUT, or says what is no submission.
 */
enum {
	SESSION_TIMEOUT = 20 * 60, /* seconds for each read and each write */
	SESSION_ORIGIN_MAX = 4096  /* bytes of the O frame */
};

void session_serve(int connection, struct span me);

#endif
