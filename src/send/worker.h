#ifndef SEND_WORKER_H
#define SEND_WORKER_H

#include <poll.h>
#include <stdint.h>

#include "send/destination.h"

/*
 * The processes that deliver (tern-remote, tern-local). A spawner makes them
 * and hands over their sockets; each serves one destination, one job at a
 * time, and is let go when it has had nothing to do for a while.
 */
struct worker {
	int socket;
	struct destination *destination;
	struct batch *batch; /* being delivered, NULL: idle */
	size_t recipients;   /* of the job under way */
	uint64_t job;
	uint64_t delivery; /* the number of the job's first recipient in the log */
	unsigned jobs;     /* done so far */
	int64_t idle_since;
	struct worker *next_idle;
};

/* The spawners' sockets, by channel. */
extern int worker_spawner[CHANNELS];

/* Jobs under way, workers alive or asked for, and those of them asked for, by channel. */
extern unsigned worker_jobs[CHANNELS];
extern unsigned worker_count[CHANNELS];
extern unsigned worker_requested[CHANNELS];

/* The number of the last delivery started, for the log. */
extern uint64_t worker_deliveries;

/*
 * How many descriptors this process may have. Each channel takes at most a
 * quarter of them for workers, and messages that wait an eighth.
 */
extern unsigned worker_descriptors;

/* Set when send is to end: no further job is started. */
extern int worker_stopping;

/* Asks for a worker. Returns 0, or -1 when the spawner can not be asked now. */
int worker_request(struct destination *d);

/* Reads an answer of the spawner. Returns 0; -1 when the spawner is gone or talks nonsense. */
int worker_answer(enum channel channel);

/* Gives an idle worker the next batch of its destination, if there is one. */
void worker_use(struct worker *w);

/* Gives all recipients of a batch that are left the same verdict, without a worker. */
void worker_refuse(struct batch *b, enum verdict verdict, struct span text);

/*
 * Lets go of the worker that has been idle longest, of those without work, to
 * make room. Returns 1, or 0 when there is none; whether there is one.
 */
int worker_evict(enum channel channel);
int worker_can_evict(enum channel channel);

/* All workers, for poll: adds their descriptors, and later looks at what poll said. */
size_t worker_poll_prepare(struct pollfd *fds, size_t room);
void worker_poll_done(struct pollfd const *fds);
size_t worker_poll_room(void);

/* Lets go of workers that were idle too long; returns milliseconds until the next one is, or -1. */
int worker_idle_expire(int64_t now, int exiting);

#endif
