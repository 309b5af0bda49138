#include "service/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/exits.h"
#include "lib/packet.h"
#include "wire/workerreport.h"

static int volatile connection_at_hand = -1;
static sig_atomic_t volatile stopping;
static int spent;

/*
 * What the parent has lent us of the limits of our client, and what was refused
 * in this connection. A process that is no worker has no parent and no limit.
 */
static int parent_socket = -1;
static struct rate_limit const *limits;
static struct worker_report account;

int
service_is_stopping(void)
{
	return stopping;
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

/* The place in reports of what can be lent. */
static unsigned
place_of(enum rate rate)
{
	return rate == RATE_MESSAGES ? 0 : 1;
}

/* When the parent is gone, or has asked us to leave, nobody counts any more. */
static uint32_t
ask(struct worker_report const *report)
{
	char packet[WORKER_REPORT_MAX], grant[WORKER_GRANT_LENGTH];
	size_t len = worker_report_format(packet, report);
	int fds[PACKET_FDS];
	size_t count = 0;
	ssize_t n;

	if (parent_socket == -1 || packet_send(parent_socket, span(packet, len), NULL, 0) == -1)
		return 1;
	n = packet_receive(parent_socket, grant, sizeof grant, fds, &count);
	while (count)
		close(fds[--count]);
	return n == WORKER_GRANT_LENGTH ? worker_grant_parse(grant) : 1;
}

int
service_take(enum rate rate)
{
	unsigned which = place_of(rate);
	struct worker_report const report = {.kind = WORKER_ASKS, .which = which};

	if (!limits || limits[rate].count == 0)
		return 1;
	if (account.unused[which] == 0)
		account.unused[which] = ask(&report);
	if (account.unused[which] == 0)
		return 0;
	account.unused[which]--;
	return 1;
}

int
service_client_brought(struct netaddress const *client)
{
	struct worker_report const report = {.kind = WORKER_BRINGS, .client = *client};

	spent = 1;
	return ask(&report) != 0;
}

void
service_count_error(void)
{
	if (limits && limits[RATE_ERRORS].count)
		account.errors++;
}

/* Tells the parent what became of the connection. Returns 0, or -1 when it is gone. */
static int
done_report(int parent)
{
	char packet[WORKER_REPORT_MAX];
	size_t len = worker_report_format(packet, &account);

	account = (struct worker_report){.kind = WORKER_DONE};
	return packet_send(parent, span(packet, len), NULL, 0);
}

/* Returns the next connection; or -1 when there will be none. */
static int
connection_next(int parent)
{
	int fds[PACKET_FDS];
	size_t count;
	char byte;

	if (done_report(parent) == -1 || spent)
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
	parent_socket = parent;
	limits = service->rates;
	if (service->confine)
		service->confine();
	while (connection != -1) {
		connection_at_hand = connection;
		service->serve(connection);
		connection_at_hand = -1;
		close(connection);
		connection = connection_next(parent);
	}
	exit(EXIT_OK);
}
