#ifndef SERVICE_QUEUECLIENT_H
#define SERVICE_QUEUECLIENT_H

#include <skalibs/stralloc.h>

#include "wire/queuecontrol.h"

/*
 * The tools' side of wire/queuecontrol.h. The working directory is the home.
 * No answer is waited for longer than QUEUECLIENT_TIMEOUT.
 */
enum { QUEUECLIENT_TIMEOUT = 30 }; /* seconds */

/*
 * Connects to the running tern-send. Returns the socket, close-on-exec, or -1
 * with errno: ENOENT or ECONNREFUSED where none runs, EACCES where the caller
 * may not.
 */
int queueclient_open(void);

/* Asks, and appends the answer to *answer. Returns 0, or -1 with errno (EPROTO: no answer). */
int queueclient_ask(int socket, struct queue_request const *request, stralloc *answer);

/* Asks for any number of messages. Return 0, or -1 with errno. */
int queueclient_states(int socket, uint64_t const *ids, size_t count, enum queue_state *states);

/* Gives an order for at most QUEUECONTROL_IDS_MAX. Returns 0, or -1 with errno. */
int queueclient_order(int socket, enum order order, uint64_t const *ids, size_t count,
	enum order_result *results);

/* Asks for the counts. Returns 0, or -1 with errno. */
int queueclient_counts(int socket, struct queue_counts *counts);

#endif
