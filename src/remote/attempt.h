#ifndef REMOTE_ATTEMPT_H
#define REMOTE_ATTEMPT_H

#include "remote/remote.h"
#include "remote/transaction.h"

/* How much an answer tells; of several hosts' answers the last of the best counts. */
enum reached { REACHED_NOTHING, REACHED_NO_HOST, REACHED_HOST };

/* One attempt at a job, by the hosts its route leads to. */
struct attempt {
	struct remote *remote;
	struct job const *job;
	struct outcome *outcome;
	struct route_match match;
	enum reached reached; /* by the host at hand */
	int unwelcome;        /* it greeted with 5xx */
};

/*
 * Tries the hosts of remote->hosts, in their order, those with several
 * addresses by all of them. When none decides, the most telling answer stands;
 * it is final when every one of the best hosts wants no mail at all.
 */
void attempt_hosts(struct attempt *attempt);

/*
 * Remembers what a host was good for, after it has decided or not, where that
 * helps to choose the next time.
 */
void attempt_judge(
	struct attempt const *attempt, struct mailhost const *host, enum transaction_end end);

#endif
