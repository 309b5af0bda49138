#include "service/spawner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/genalloc.h>
#include <skalibs/selfpipe.h>

#include "lib/exits.h"
#include "lib/packet.h"
#include "lib/text.h"
#include "wire/answer.h"
#include "wire/workerrequest.h"

enum { SEND = 0 }; /* the descriptor that leads there */

/* The workers alive, only so that the log can say whose end it was. */
struct worker {
	pid_t pid;
	char *destination; /* cleaned */
};

static struct spawner const *spawner;
static genalloc workers = GENALLOC_ZERO; /* struct worker */

static void
die(int code, char const *what)
{
	fprintf(stderr, "%s: fatal: %s\n", spawner->program, what);
	exit(code);
}

static void
die_system(char const *what)
{
	fprintf(stderr, "%s: fatal: %s: %s\n", spawner->program, what, strerror(errno));
	exit(EXIT_TEMPORARY);
}

/* Without memory the worker is merely a nameless one. */
static void
worker_remember(pid_t pid, struct span destination)
{
	stralloc name = STRALLOC_ZERO;
	struct worker worker = {pid, NULL};

	if (text_append_clean(&name, destination) && stralloc_0(&name))
		worker.destination = name.s;
	if (!worker.destination || !genalloc_append(struct worker, &workers, &worker))
		stralloc_free(&name);
}

/* The caller frees what comes back, which may be NULL. */
static char *
worker_forget(pid_t pid)
{
	struct worker *all = genalloc_s(struct worker, &workers);
	size_t n = genalloc_len(struct worker, &workers);

	for (size_t i = 0; i < n; i++) {
		char *destination = all[i].destination;

		if (all[i].pid != pid)
			continue;
		all[i] = all[n - 1];
		genalloc_setlen(struct worker, &workers, n - 1);
		return destination;
	}
	return NULL;
}

static void
end_log(pid_t pid, char const *destination, int status)
{
	char const *whose = destination ? destination : "(unknown)";

	if (WIFSIGNALED(status))
		fprintf(stderr, "%s: warning: worker %ld for %s was ended by signal %d\n",
			spawner->program, (long)pid, whose, WTERMSIG(status));
	else if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		fprintf(stderr, "%s: warning: worker %ld for %s exited %d\n", spawner->program,
			(long)pid, whose, WEXITSTATUS(status));
}

static void
children_reap(void)
{
	int signal;
	int status;
	pid_t pid;

	do
		signal = selfpipe_read();
	while (signal > 0);
	if (signal == -1)
		die_system("unable to read the signal pipe");
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		char *destination = worker_forget(pid);

		end_log(pid, destination, status);
		free(destination);
	}
}

/* Fills the answer; returns the socket that belongs to it, or -1. */
static int
worker_start(struct worker_request const *request, struct answer *answer, stralloc *text)
{
	int pair[2];
	pid_t pid = -1;

	if (packet_pair(pair) == 0) {
		pid = spawner->start(request->destination, pair[1], &answer->verdict, text);
		int e = errno;
		close(pair[1]);
		if (pid <= 0)
			close(pair[0]);
		errno = e;
	}
	if (pid > 0) {
		worker_remember(pid, request->destination);
		answer->verdict = VERDICT_DELIVERED;
		return pair[0];
	}
	if (pid == -1) {
		answer->verdict = VERDICT_TROUBLE;
		text_append(text, "Unable to start a worker: ", strerror(errno), ". (#4.3.0)",
			(char *)0);
		fprintf(stderr, "%s: warning: unable to start a worker: %s\n", spawner->program,
			strerror(errno));
	}
	return -1;
}

/* Returns 0, or -1 when send is gone. */
static int
request_answer(struct worker_request const *request)
{
	static stralloc text, packet;
	struct answer answer = {.number = request->number};
	int socket, sent;

	text.len = packet.len = 0;
	socket = worker_start(request, &answer, &text);
	answer.text = span(text.s, text.len);
	if (!answer_format(&packet, &answer))
		die_system("unable to answer send");
	sent = packet_send(SEND, span(packet.s, packet.len), &socket, socket != -1);
	if (sent == -1 && errno != EPIPE && errno != ECONNRESET)
		die_system("unable to answer send");
	if (socket != -1)
		close(socket);
	return sent;
}

/* Returns 0, or -1 when send is gone. */
static int
request_take(void)
{
	char packet[WORKER_PACKET_MAX];
	struct worker_request request;
	int fds[PACKET_FDS];
	size_t fd_count;
	ssize_t len = packet_receive(SEND, packet, sizeof packet, fds, &fd_count);

	if (len == 0 || (len == -1 && errno == ECONNRESET))
		return -1;
	if (len == -1 && errno != EMSGSIZE)
		die_system("unable to read from send");
	if (len == -1 || fd_count || worker_request_parse(&request, packet, (size_t)len) == -1)
		die(EXIT_PERMANENT, "what send sent is not a request for a worker");
	return request_answer(&request);
}

int
spawner_run(struct spawner const *s)
{
	struct pollfd x[2] = {{.fd = SEND, .events = POLLIN}, {.events = POLLIN}};

	spawner = s;
	x[1].fd = selfpipe_init();
	if (x[1].fd == -1 || !selfpipe_trap(SIGCHLD))
		die_system("unable to catch signals");
	for (;;) {
		if (poll(x, 2, -1) == -1) {
			if (errno == EINTR)
				continue;
			die_system("unable to wait");
		}
		if (x[1].revents)
			children_reap();
		if (x[0].revents && request_take() == -1)
			return 0;
	}
}
