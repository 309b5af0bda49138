#ifndef SMTPD_TEXT_H
#define SMTPD_TEXT_H

#include <stdint.h>

#include "wire/datareader.h"
#include "wire/hopcount.h"

/*
 * The text of a message on its way from the client to the queue: of DATA in
 * one go, of BDAT chunk by chunk. Once there is a reason against it nothing
 * more goes to the queue, but it is read on, so that the client hears why.
 */
enum arrival {
	ARRIVED, /* or arriving: nothing speaks against it */
	ARRIVED_TOO_LARGE,
	ARRIVED_LOOPING,
	ARRIVED_BROKEN, /* holds what no text may hold: what follows can not be trusted */
	ARRIVED_NEVER   /* the session has ended */
};

enum {
	TEXT_TIME_MAX = 4 * 3600 * 1000,    /* milliseconds for one message */
	TEXT_REFUSED_MAX = 64 * 1024 * 1024 /* bytes of a refused text that we still read */
};

struct text {
	int open; /* begun and not concluded: the queue waits for more of it */
	struct data_reader reader;
	struct hopcount hops;
	enum arrival arrival;
	uint64_t refused;  /* bytes read since there is a reason against it */
	int64_t begun;     /* clock_monotonic() */
	uint64_t received; /* bytes */
};

struct session;

/* Begins a text. Returns 0; or -1 when the queue can not be reached, and the client is told. */
int text_begin(struct session *s, enum data_framing framing);

/*
 * Takes what has arrived of it, at most `max` bytes, off the stream, waiting
 * for some; sets text.arrival. Returns how many bytes were taken: 0 when the
 * session has ended, less than what was there when the text has ended or can
 * not go on.
 */
size_t text_take(struct session *s, uint64_t max);

/* The text has ended, for better or worse: hands it over or gives it up, and answers. */
void text_conclude(struct session *s);

/* Gives up a text that is open. */
void text_abandon(struct session *s);

#endif
