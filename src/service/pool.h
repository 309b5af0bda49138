#ifndef SERVICE_POOL_H
#define SERVICE_POOL_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/netaddress.h"
#include "wire/workerreport.h"

/*
 * The workers of a service, as its parent knows them. A worker belongs to one
 * client from its start to its end.
 *
 *   none     -> busy      forked with its first connection
 *   busy     -> idle      it said that it is done
 *   idle     -> busy      it got the next connection of its client
 *   idle     -> none      too long idle, or its place is needed: its socket is closed, and
 *                         it leaves at once
 *   busy     -> leaving   its socket is closed: it leaves after this connection
 *   any      -> none      it died
 */
enum worker_state { WORKER_NONE, WORKER_IDLE, WORKER_BUSY, WORKER_LEAVING };

enum client_kind { CLIENT_NETWORK, CLIENT_USER };

struct client {
	enum client_kind kind;
	struct netaddress address; /* of CLIENT_NETWORK */
	uid_t uid;                 /* of CLIENT_USER */
};

struct worker {
	enum worker_state state;
	pid_t pid;
	int socket;    /* to it; -1 when leaving */
	int64_t since; /* clock_monotonic() when it became idle */
	struct client client;
	uint32_t lent[WORKER_REPORT_LIMITS]; /* what it asked for since it became busy */
	int is_renamed; /* its client was a proxy, and is now whom that one brought */
};

struct pool {
	struct worker *workers;
	unsigned size;
	unsigned used; /* the places behind them are free: nobody need look there */
};

/* Makes room for size workers. Returns 0, or -1 without memory. */
int pool_init(struct pool *pool, unsigned size);

/* The worker of this client that became idle last, or NULL. */
struct worker *pool_idle_of(struct pool *pool, struct client const *client);

/* The worker that has been idle longest, or NULL. */
struct worker *pool_idle_oldest(struct pool *pool);

/* A free place, or NULL. */
struct worker *pool_free_place(struct pool *pool);

/* How many workers this client has: an address of IPv4, a /64 of IPv6, a user. */
unsigned pool_count_of(struct pool const *pool, struct client const *client);

/* Closes the worker's socket: an idle one is forgotten, a busy one leaves when it is done. */
void pool_dismiss(struct worker *worker);

/* Forgets the worker that was pid, if it is still known. */
void pool_forget(struct pool *pool, pid_t pid);

#endif
