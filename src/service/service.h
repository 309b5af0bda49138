#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/netaddress.h"
#include "service/rates.h"

/*
 * How a program is a service. Descriptor 0 is a listening socket, and where
 * tern-listen bound more than one, TERN_LISTENERS says how many there are: the
 * others are descriptors SERVICE_LISTENER_MORE and up. The parent
 * accepts, applies the limits, and hands each connection to a warm worker of
 * the same client, or to a new one; it parses nothing that a client sends. A
 * worker serves one connection at a time and only ever those of one client:
 * one network address, or one uid on a Unix socket.
 */
enum {
	SERVICE_LISTENERS_MAX = 16,
	SERVICE_LISTENER_MORE = 10, /* clear of 0 to 2 and of s6's readiness descriptor */
	SERVICE_STOP_GRACE = 5,     /* seconds for a connection to end by itself at the stop */
	SERVICE_STOP_LIMIT = 30     /* then workers are killed */
};

struct service {
	char const *program;     /* its name, for messages and the log: "tern-smtpd" */
	unsigned workers_max;    /* at once, in all */
	unsigned per_client_max; /* of them, for one client; never over workers_max */
	unsigned idle_seconds;   /* how long a worker without a connection stays */
	char const *busy;        /* what to write to a connection over a limit before closing it;
				    NULL: nothing */
	struct rate_limit const *rates; /* RATES of them, which configure may change; NULL: none */
	int ready_fd;                   /* gets a newline when the service is ready, -1: none */

	/*
	 * Called in the parent at the start and on SIGHUP: reads the settings.
	 * Returns 0, or -1 after saying why on stderr: at the start the service
	 * then exits 100, later it goes on with what it had. Workers made before
	 * are asked to leave, so that none keeps old settings.
	 */
	int (*configure)(void);

	/*
	 * Called in the parent when a limit would keep a client out: whether
	 * none holds for it. NULL: they hold for all.
	 */
	int (*is_spared)(struct netaddress const *client);

	/* Called in a new worker before its first connection: gives up what it must not have. */
	void (*confine)(void);

	/* Called in the worker for each connection, which it must not close. */
	void (*serve)(int connection);
};

/*
 * Runs until SIGTERM: then accepts no more and lets workers finish their
 * connections; after SERVICE_STOP_GRACE a worker finds the end of input on its
 * connection, after SERVICE_STOP_LIMIT it is killed. Returns 0. Exits 100 or
 * 111 when it can not start.
 */
int service_run(struct service const *service);

/*
 * In a worker: whether the end of input on its connection is ours, because the
 * service stops, and the client should be told so.
 */
int service_is_stopping(void);

/*
 * In a worker: its client is a proxy, which passes on a connection of that one.
 * From now on the limits are those of that one, and the worker ends after this
 * connection. Returns 1; or 0 when there are too many connections of that one
 * already. Only what is_spared is believed to be a proxy.
 */
int service_client_brought(struct netaddress const *client);

/*
 * In a worker: whether its client may have one more message or recipient, by
 * the limits of its parent, which is asked now and then. Returns 1, or 0.
 */
int service_take(enum rate rate);

/* In a worker: its client was refused something, which counts as RATE_ERRORS. */
void service_count_error(void);

#endif
