#include "service/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/exits.h"
#include "lib/packet.h"

static int volatile connection_at_hand = -1;
static sig_atomic_t volatile stopping;
static int spent;

int
service_is_stopping(void)
{
	return stopping;
}

void
service_worker_spent(void)
{
	spent = 1;
}

/* Lets the conversation see an end of input once it has read what has arrived. */
static void
stop(int number)
{
	int e = errno;

	(void)number;
	stopping = 1;
	if (connection_at_hand != -1)
		shutdown(connection_at_hand, SHUT_RD);
	errno = e;
}

/* Returns the next connection; or -1 when there will be none. */
static int
connection_next(int parent)
{
	int fds[PACKET_FDS];
	size_t count;
	char byte;

	if (packet_send(parent, span("", 1), NULL, 0) == -1)
		return -1;
	if (packet_receive(parent, &byte, 1, fds, &count) != 1 || count != 1)
		return -1;
	return fds[0];
}

_Noreturn void
worker_run(struct service const *service, int parent, int connection)
{
	struct sigaction action = {.sa_handler = stop};

	sigemptyset(&action.sa_mask);
	if (sigaction(SIGTERM, &action, NULL) == -1)
		_exit(EXIT_TEMPORARY);
	if (service->confine)
		service->confine();
	while (connection != -1) {
		connection_at_hand = connection;
		service->serve(connection);
		connection_at_hand = -1;
		close(connection);
		connection = spent ? -1 : connection_next(parent);
	}
	exit(EXIT_OK);
}
