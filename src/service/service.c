#include "service/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/selfpipe.h>

#include "lib/clock.h"
#include "lib/durable.h"
#include "lib/exits.h"
#include "lib/packet.h"
#include "lib/platform.h"
#include "service/listeners.h"
#include "service/pool.h"
#include "service/rates.h"
#include "service/worker.h"
#include "wire/workerreport.h"

enum {
	ACCEPT_PAUSE = 1000, /* milliseconds, when the system has no descriptor or memory left */
	DESCRIPTORS_SPARE = 32,
	LOANS = 32 /* a worker is lent so much of a limit, so that it need not ask each time */
};

/* The stop: workers finish; then see an end of input; then are killed. */
enum phase { RUNNING, STOPPING, PRESSING, GIVEN_UP };

static struct service const *service;
static struct pool pool;
static struct rates rates;
static int listeners[SERVICE_LISTENERS_MAX];
static unsigned listener_count;
static int signals;
static int null_device;
static enum phase phase;
static int64_t paused_until;  /* no accept before */
static int64_t stop_deadline; /* when the next phase of the stop begins */
static unsigned children;     /* forked and not yet waited for */

static void
say(char const *level, char const *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	fprintf(stderr, "%s: %s: %s\n", service->program, level, text);
}

static void
die_system(char const *what)
{
	say("fatal", "%s: %s", what, strerror(errno));
	exit(EXIT_TEMPORARY);
}

/* What clients meet is logged by the short name of the program: "smtpd: pid 7 ip=..." */
static void
log_busy(struct client const *client, char const *limit)
{
	char const *name = service->program;
	char address[NETADDRESS_TEXT_MAX];

	if (strncmp(name, "tern-", 5) == 0)
		name += 5;
	if (client->kind == CLIENT_USER) {
		fprintf(stderr, "%s: pid %ld uid=%ld event=busy limit=%s\n", name, (long)getpid(),
			(long)client->uid, limit);
		return;
	}
	netaddress_format(address, &client->address);
	fprintf(stderr, "%s: pid %ld ip=%s event=busy limit=%s\n", name, (long)getpid(), address,
		limit);
}

/* What a worker must not keep of ours. */
static void
parent_leave(void)
{
	selfpipe_finish();
	if (dup2(null_device, 0) == -1)
		_exit(EXIT_TEMPORARY);
	for (unsigned i = 1; i < listener_count; i++)
		close(listeners[i]);
	close(null_device);
	for (struct worker *w = pool.workers; w < pool.workers + pool.used; w++)
		if (w->state != WORKER_NONE && w->socket != -1)
			close(w->socket);
	free(pool.workers);
}

/*
 * The parent's side: connections.
 */
static void
refuse(int connection, struct client const *client, char const *limit)
{
	log_busy(client, limit);
	if (service->busy)
		send(connection, service->busy, strlen(service->busy), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Gives the connection to a worker that waits. Returns 0, or -1 when none of them lives. */
static int
hand_to_idle(int connection, struct client const *client)
{
	struct worker *w;

	while ((w = pool_idle_of(&pool, client))) {
		if (packet_send(w->socket, span("", 1), &connection, 1) == 0) {
			w->state = WORKER_BUSY;
			return 0;
		}
		pool_dismiss(w);
	}
	return -1;
}

/* Returns 0, or -1 with errno. */
static int
hand_to_new(int connection, struct client const *client, struct worker *place)
{
	int sockets[2];
	pid_t pid = -1;

	if (packet_pair(sockets) == -1)
		return -1;
	/* A worker that was taken over must not be able to make the parent wait. */
	if (fcntl(sockets[0], F_SETFL, O_NONBLOCK) == 0)
		pid = fork();
	if (pid == 0) {
		close(sockets[0]);
		parent_leave();
		worker_run(service, sockets[1], connection);
	}
	if (pid == -1) {
		int e = errno;

		close(sockets[0]);
		close(sockets[1]);
		errno = e;
		return -1;
	}
	close(sockets[1]);
	children++;
	*place = (struct worker){WORKER_BUSY, pid, sockets[0], 0, *client, {0}, 0};
	return 0;
}

static int
is_spared(struct client const *client)
{
	return client->kind == CLIENT_USER ||
	       (service->is_spared && service->is_spared(&client->address));
}

/* The limit that the client is over with this connection, or NULL. */
static char const *
rate_exceeded(struct client const *client)
{
	int64_t now = clock_monotonic();
	char const *limit = NULL;

	if (client->kind == CLIENT_USER)
		return NULL;
	if (rates_is_over(&rates, &client->address, RATE_ERRORS, now))
		limit = "errors";
	else if (rates_take(&rates, &client->address, RATE_CONNECTIONS, 1, now) == 0)
		limit = "rate";
	return limit && is_spared(client) ? NULL : limit;
}

static void
dispatch(int connection, struct client const *client)
{
	char const *limit = rate_exceeded(client);
	struct worker *place;

	if (limit) {
		refuse(connection, client, limit);
		return;
	}
	if (hand_to_idle(connection, client) == 0)
		return;
	if (pool_count_of(&pool, client) >= service->per_client_max && !is_spared(client)) {
		refuse(connection, client, "client");
		return;
	}
	place = pool_free_place(&pool);
	if (!place && (place = pool_idle_oldest(&pool)))
		pool_dismiss(place);
	if (!place) {
		refuse(connection, client, "total");
		return;
	}
	if (hand_to_new(connection, client, place) == -1) {
		say("warning", "unable to start a worker: %s", strerror(errno));
		refuse(connection, client, "system");
	}
}

/* Returns 0, or -1 when the client has already gone. */
static int
client_of(int connection, struct sockaddr_storage const *address, struct client *client)
{
	gid_t gid;
	pid_t pid;

	memset(client, 0, sizeof *client);
	client->kind = CLIENT_NETWORK;
	if (netaddress_of_socket(&client->address, address) == 0)
		return 0;
	client->kind = CLIENT_USER;
	return platform_peer(connection, &client->uid, &gid, &pid);
}

static void
accept_one(int listener)
{
	struct sockaddr_storage address;
	struct client client;
	int connection;

	address.ss_family = AF_UNSPEC;
	connection = platform_accept(listener, &address);
	if (connection == -1) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			say("warning", "unable to accept a connection: %s", strerror(errno));
			paused_until = clock_monotonic() + ACCEPT_PAUSE;
		}
		return; /* anything else is the end of that one connection */
	}
	if (client_of(connection, &address, &client) == 0)
		dispatch(connection, &client);
	close(connection);
}

/*
 * The parent's side: workers and signals.
 */
static enum rate
rate_at(unsigned place)
{
	return place == 0 ? RATE_MESSAGES : RATE_RECIPIENTS;
}

/* Lends the worker some of what is left to its client. */
static void
worker_lend(struct worker *w, unsigned which)
{
	enum rate rate = rate_at(which);
	char grant[WORKER_GRANT_LENGTH];
	uint32_t count = rates_take(&rates, &w->client.address, rate,
		rates.limits[rate].count / LOANS + 1, clock_monotonic());

	w->lent[which] += count;
	worker_grant_format(grant, count);
	if (packet_send(w->socket, span(grant, sizeof grant), NULL, 0) == -1)
		pool_dismiss(w);
}

/*
 * The worker of a proxy says whom it brings. Its place counts as that one's from
 * now on; nobody else may say such a thing, or it could use up others' limits.
 */
static void
worker_rename(struct worker *w, struct netaddress const *address)
{
	char const *limit = NULL;
	char grant[WORKER_GRANT_LENGTH];

	if (w->client.kind != CLIENT_NETWORK || w->is_renamed || !is_spared(&w->client)) {
		pool_dismiss(w);
		return;
	}
	w->is_renamed = 1;
	w->client.address = *address;
	limit = rate_exceeded(&w->client);
	if (!limit && pool_count_of(&pool, &w->client) > service->per_client_max &&
		!is_spared(&w->client))
		limit = "client";
	if (limit)
		log_busy(&w->client, limit);
	worker_grant_format(grant, !limit);
	if (packet_send(w->socket, span(grant, sizeof grant), NULL, 0) == -1)
		pool_dismiss(w);
}

/* It can give back no more than it got. */
static void
worker_settle(struct worker *w, struct worker_report const *report)
{
	for (unsigned i = 0; i < WORKER_REPORT_LIMITS; i++) {
		uint32_t unused = report->unused[i] < w->lent[i] ? report->unused[i] : w->lent[i];

		if (unused)
			rates_return(&rates, &w->client.address, rate_at(i), unused);
		w->lent[i] = 0;
	}
	if (report->errors)
		rates_count(
			&rates, &w->client.address, RATE_ERRORS, report->errors, clock_monotonic());
	if (w->is_renamed) { /* and leaves, as one that has served two */
		pool_dismiss(w);
		return;
	}
	w->state = WORKER_IDLE;
	w->since = clock_monotonic();
}

static void
worker_hear(struct worker *w)
{
	int fds[PACKET_FDS];
	size_t count;
	char packet[WORKER_REPORT_MAX];
	struct worker_report report;
	ssize_t n = packet_receive(w->socket, packet, sizeof packet, fds, &count);

	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	while (count)
		close(fds[--count]);
	if (n <= 0 || worker_report_parse(&report, packet, (size_t)n) == -1)
		pool_dismiss(w); /* it ends; SIGCHLD frees its place */
	else if (report.kind == WORKER_ASKS)
		worker_lend(w, report.which);
	else if (report.kind == WORKER_BRINGS)
		worker_rename(w, &report.client);
	else
		worker_settle(w, &report);
}

static void
workers_reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (WIFSIGNALED(status))
			say("warning", "worker %ld was ended by signal %d", (long)pid,
				WTERMSIG(status));
		else if (WEXITSTATUS(status) != EXIT_OK)
			say("warning", "worker %ld ended with exit code %d", (long)pid,
				WEXITSTATUS(status));
		pool_forget(&pool, pid);
		children--;
	}
}

static void
workers_dismiss_all(void)
{
	for (struct worker *w = pool.workers; w < pool.workers + pool.used; w++)
		if (w->state == WORKER_IDLE || w->state == WORKER_BUSY)
			pool_dismiss(w);
}

static void
workers_signal(int number)
{
	for (struct worker *w = pool.workers; w < pool.workers + pool.used; w++)
		if (w->state != WORKER_NONE)
			kill(w->pid, number);
}

static void
reconfigure(void)
{
	if (service->configure && service->configure() == -1) {
		say("warning", "the settings stay as they were");
		return;
	}
	if (service->rates && rates_configure(&rates, service->rates) == -1)
		say("warning", "no memory for counting clients: the limits stay as they were");
	workers_dismiss_all();
}

static void
stop(void)
{
	if (phase != RUNNING)
		return;
	phase = STOPPING;
	stop_deadline = clock_monotonic() + SERVICE_STOP_GRACE * 1000;
	for (unsigned i = 0; i < listener_count; i++)
		close(listeners[i]);
	listener_count = 0;
	workers_dismiss_all();
}

static void
signals_read(void)
{
	int number;

	while ((number = selfpipe_read()) > 0) {
		switch (number) {
		case SIGCHLD: workers_reap(); break;
		case SIGHUP: reconfigure(); break;
		case SIGTERM:
		case SIGINT: stop(); break;
		}
	}
	if (number == -1)
		die_system("unable to read signals");
}

static void
deadlines_meet(int64_t now)
{
	for (struct worker *w = pool.workers; w < pool.workers + pool.used; w++)
		if (w->state == WORKER_IDLE && now - w->since >= service->idle_seconds * 1000LL)
			pool_dismiss(w);
	if (phase == RUNNING || now < stop_deadline)
		return;
	workers_signal(phase == STOPPING ? SIGTERM : SIGKILL);
	phase = phase == STOPPING ? PRESSING : GIVEN_UP;
	stop_deadline = now + (SERVICE_STOP_LIMIT - SERVICE_STOP_GRACE) * 1000;
}

/* Milliseconds to the next deadline; -1 when there is none. */
static int
patience(int64_t now)
{
	struct worker const *oldest = pool_idle_oldest(&pool);
	int64_t next = INT64_MAX;

	if (oldest)
		next = oldest->since + service->idle_seconds * 1000LL;
	if (phase != RUNNING && stop_deadline < next)
		next = stop_deadline;
	if (phase == RUNNING && paused_until > now && paused_until < next)
		next = paused_until;
	if (next == INT64_MAX)
		return -1;
	if (next <= now)
		return 0;
	return next - now > 60000 ? 60000 : (int)(next - now);
}

/*
 * One turn: waits, then takes signals and what workers say before new
 * connections, so that a worker that has just become free gets the next one.
 */
static void
turn(struct pollfd *poll_set, struct worker **asked)
{
	int64_t now = clock_monotonic();
	int accepting = phase == RUNNING && now >= paused_until;
	nfds_t n = 0, first_worker;

	poll_set[n++] = (struct pollfd){.fd = signals, .events = POLLIN};
	for (unsigned i = 0; accepting && i < listener_count; i++)
		poll_set[n++] = (struct pollfd){.fd = listeners[i], .events = POLLIN};
	first_worker = n;
	for (struct worker *w = pool.workers; w < pool.workers + pool.used; w++) {
		if (w->state != WORKER_BUSY)
			continue;
		asked[n - first_worker] = w;
		poll_set[n++] = (struct pollfd){.fd = w->socket, .events = POLLIN};
	}
	if (poll(poll_set, n, patience(now)) == -1) {
		if (errno != EINTR)
			die_system("unable to wait");
		return;
	}
	for (nfds_t i = first_worker; i < n; i++)
		if (poll_set[i].revents)
			worker_hear(asked[i - first_worker]);
	if (poll_set[0].revents)
		signals_read();
	for (nfds_t i = 1; i < first_worker && phase == RUNNING; i++)
		if (poll_set[i].revents)
			accept_one(poll_set[i].fd);
	deadlines_meet(clock_monotonic());
}

/*
 * The start.
 */
static void
signals_take(void)
{
	static int const ours[] = {SIGCHLD, SIGHUP, SIGTERM, SIGINT};

	signals = selfpipe_init();
	if (signals == -1)
		die_system("unable to prepare for signals");
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (selfpipe_trap(ours[i]) == -1)
			die_system("unable to prepare for signals");
	signal(SIGPIPE, SIG_IGN);
}

/* Each worker takes one of the parent's descriptors; as many as the system grants. */
static unsigned
workers_possible(void)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)service->workers_max + DESCRIPTORS_SPARE;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		die_system("unable to learn how many files may be open");
	if (limit.rlim_cur >= wanted)
		return service->workers_max;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		die_system("unable to raise the number of open files");
	if (limit.rlim_cur >= wanted)
		return service->workers_max;
	if (limit.rlim_cur <= DESCRIPTORS_SPARE) {
		say("fatal", "the limit of open files is too low: %lu",
			(unsigned long)limit.rlim_cur);
		exit(EXIT_TEMPORARY);
	}
	say("warning", "only %lu workers, for the limit of open files",
		(unsigned long)(limit.rlim_cur - DESCRIPTORS_SPARE));
	return (unsigned)(limit.rlim_cur - DESCRIPTORS_SPARE);
}

static void
ready(void)
{
	if (service->ready_fd == -1)
		return;
	if (durable_write(service->ready_fd, "\n", 1) == -1)
		say("warning", "unable to say that we are ready on descriptor %d: %s",
			service->ready_fd, strerror(errno));
	close(service->ready_fd);
}

int
service_run(struct service const *given)
{
	struct pollfd *poll_set;
	struct worker **asked;
	unsigned workers;

	service = given;
	listener_count = listeners_take(service->program, listeners);
	signals_take();
	workers = workers_possible();
	null_device = open("/dev/null", O_RDWR | O_CLOEXEC);
	poll_set = calloc(1 + SERVICE_LISTENERS_MAX + workers, sizeof *poll_set);
	asked = calloc(workers, sizeof(struct worker *));
	if (null_device == -1 || !poll_set || !asked || pool_init(&pool, workers) == -1)
		die_system("unable to start");
	if (service->configure && service->configure() == -1)
		exit(EXIT_PERMANENT);
	if (service->rates && rates_configure(&rates, service->rates) == -1)
		die_system("unable to count clients");
	ready();
	while (phase == RUNNING || (children > 0 && phase != GIVEN_UP))
		turn(poll_set, asked);
	free(poll_set);
	free(asked);
	free(pool.workers);
	return EXIT_OK;
}
