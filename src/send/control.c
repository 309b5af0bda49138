#include "send/control.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/packet.h"
#include "lib/platform.h"
#include "send/counters.h"
#include "send/destination.h"
#include "send/helpers.h"
#include "send/log.h"
#include "send/orders.h"
#include "send/queue.h"
#include "send/settings.h"
#include "send/worker.h"

enum { CONTROL_MODE = 0660, BACKLOG = 8 };

static int listener = -1;
static uint64_t hearings;

static struct client {
	int socket; /* -1: a free place */
	uid_t uid;
	uint64_t heard; /* the greater, the later it last said something */
} clients[CONTROL_CLIENTS_MAX];

static int
listener_make(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	if (fd == -1)
		return -1;
	memcpy(address.sun_path, QUEUECONTROL_SOCKET, sizeof QUEUECONTROL_SOCKET);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
		(unlink(QUEUECONTROL_SOCKET) == 0 || errno == ENOENT) &&
		bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
		chmod(QUEUECONTROL_SOCKET, CONTROL_MODE) == 0 && listen(fd, BACKLOG) == 0)
		return fd; /* nobody could connect before it had its mode */
	close(fd);
	return -1;
}

void
control_open(void)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		clients[i].socket = -1;
	listener = listener_make();
	if (listener == -1)
		log_alert("the tools of the queue can not reach me, " QUEUECONTROL_SOCKET
			  " can not be made (tern init makes its folder): ",
			span_string(strerror(errno)));
}

static void
client_drop(struct client *c)
{
	close(c->socket);
	c->socket = -1;
}

/* A free place, or that of the one that was silent longest. */
static struct client *
client_place(void)
{
	struct client *longest = &clients[0];

	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (clients[i].socket == -1)
			return &clients[i];
		if (clients[i].heard < longest->heard)
			longest = &clients[i];
	}
	client_drop(longest);
	return longest;
}

static void
client_accept(void)
{
	int fd = platform_accept(listener, NULL);
	struct client *c;
	uid_t uid;
	gid_t gid;
	pid_t pid;

	if (fd == -1)
		return;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1 || platform_peer(fd, &uid, &gid, &pid) == -1) {
		close(fd);
		return;
	}
	c = client_place();
	*c = (struct client){fd, uid, ++hearings};
}

/* --- answers --- */

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a == 0 || (b && b < a) ? b : a;
}

struct parked {
	uint64_t count, oldest;
};

static void
parked_add(void *context, struct destination const *d)
{
	struct parked *parked = context;
	size_t length = genalloc_len(uint64_t, &d->parked);

	for (size_t i = d->parked_first; i < length; i++) {
		parked->count++;
		parked->oldest = least(parked->oldest, genalloc_s(uint64_t, &d->parked)[i]);
	}
}

static uint64_t
loaded_oldest(void)
{
	uint64_t oldest = 0;

	for (struct message const *m = messages_first; m; m = m->next_loaded)
		oldest = least(oldest, m->id);
	return oldest;
}

/* Seconds since 1970 of an id. */
static uint64_t
arrival(uint64_t id)
{
	return id / 1000000;
}

static int
counts_answer(stralloc *out)
{
	struct queue_counts c;
	struct parked parked = {0, 0};
	uint64_t bouncing, bounce_oldest;

	counters_fill(&c);
	destination_each(parked_add, &parked);
	bounce_count(&bouncing, &bounce_oldest);
	c.value[COUNT_TODO] = queue_agenda.fresh_length;
	c.value[COUNT_DEFERRED] = queue_agenda.length + parked.count;
	c.value[COUNT_ACTIVE] = messages_loaded - bouncing;
	c.value[COUNT_BOUNCE] = bouncing;
	c.value[COUNT_HOLD] = queue_held.count;
	c.value[COUNT_TODO_OLDEST] = arrival(agenda_oldest_fresh(&queue_agenda));
	c.value[COUNT_DEFERRED_OLDEST] =
		arrival(least(agenda_oldest_waiting(&queue_agenda), parked.oldest));
	c.value[COUNT_ACTIVE_OLDEST] = arrival(loaded_oldest());
	c.value[COUNT_BOUNCE_OLDEST] = arrival(bounce_oldest);
	c.value[COUNT_HOLD_OLDEST] = arrival(idset_least(&queue_held));
	c.value[COUNT_LOCAL_RUNNING] = worker_jobs[CHANNEL_LOCAL];
	c.value[COUNT_LOCAL_LIMIT] = settings.concurrency_local;
	c.value[COUNT_REMOTE_RUNNING] = worker_jobs[CHANNEL_REMOTE];
	c.value[COUNT_REMOTE_LIMIT] = settings.concurrency_remote;
	return queue_counts_format(out, &c);
}

static int
is_busier(struct queue_destination const *a, struct queue_destination const *b)
{
	return a->running > b->running || (a->running == b->running && a->waiting > b->waiting);
}

/* Keeps the busiest, in their order: one with nothing to do is no destination here. */
static void
destination_add_row(void *context, struct destination const *d)
{
	struct queue_destinations *all = context;
	struct queue_destination row = {d->channel == CHANNEL_REMOTE, d->name, d->workers,
		d->ready + genalloc_len(uint64_t, &d->parked) - d->parked_first,
		d->channel == CHANNEL_REMOTE && pace_is_dead(&d->pace, clock_monotonic())};
	size_t i = all->rows;

	if (row.running == 0 && row.waiting == 0 && !row.unreachable)
		return;
	if (i == QUEUECONTROL_ROWS_MAX) {
		if (!is_busier(&row, &all->row[i - 1]))
			return;
		i--;
	} else {
		all->rows++;
	}
	for (; i && is_busier(&row, &all->row[i - 1]); i--)
		all->row[i] = all->row[i - 1];
	all->row[i] = row;
}

static int
destinations_answer(stralloc *out)
{
	static struct queue_destinations destinations;

	destinations.rows = 0;
	destination_each(destination_add_row, &destinations);
	return queue_destinations_format(out, &destinations);
}

static int
replies_answer(stralloc *out)
{
	static struct queue_replies replies;

	counters_replies(&replies);
	return queue_replies_format(out, &replies);
}

static int
order_answer(stralloc *out, struct queue_request const *request, uid_t uid)
{
	enum order_result results[QUEUECONTROL_IDS_MAX];

	orders_take(request->order, uid, request->id, request->ids, results);
	for (size_t i = 0; i < request->ids; i++) {
		char letter = order_result_letter(results[i]);

		if (!stralloc_catb(out, &letter, 1))
			return 0;
	}
	return 1;
}

static int
state_answer(stralloc *out, struct queue_request const *request)
{
	for (size_t i = 0; i < request->ids; i++) {
		char letter = queue_state_letter(orders_state(request->id[i]));

		if (!stralloc_catb(out, &letter, 1))
			return 0;
	}
	return 1;
}

/* Returns 1, or 0 without memory. */
static int
answer(stralloc *out, struct queue_request const *request, uid_t uid)
{
	switch (request->verb) {
	case VERB_ORDER: return order_answer(out, request, uid);
	case VERB_STATE: return state_answer(out, request);
	case VERB_COUNTS: return counts_answer(out);
	case VERB_DESTINATIONS: return destinations_answer(out);
	case VERB_REPLIES: break;
	}
	return replies_answer(out);
}

/* Serves one request. Returns 0, or -1 when the client is to be dropped. */
static int
client_serve(struct client *c)
{
	static char packet[QUEUECONTROL_PACKET_MAX];
	static struct queue_request request;
	static stralloc out = STRALLOC_ZERO;
	int fds[PACKET_FDS];
	size_t fd_count;
	ssize_t n = packet_receive(c->socket, packet, sizeof packet, fds, &fd_count);

	if (n == -1 && errno == EAGAIN)
		return 0;
	while (fd_count)
		close(fds[--fd_count]);
	if (n == 0)
		return -1;
	if (n == -1 || queue_request_parse(&request, packet, (size_t)n) == -1) {
		log_warning("a tool of the queue asked for what makes no sense; it is let go",
			span("", 0));
		return -1;
	}
	c->heard = ++hearings;
	out.len = 0;
	if (!answer(&out, &request, c->uid))
		return -1;
	return packet_send(c->socket, span(out.s, out.len), NULL, 0);
}

void
control_poll_prepare(struct pollfd *fds)
{
	fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i + 1] = (struct pollfd){
			.fd = listener == -1 ? -1 : clients[i].socket, .events = POLLIN};
}

void
control_poll_done(struct pollfd const *fds)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (fds[i + 1].revents && client_serve(&clients[i]) == -1)
			client_drop(&clients[i]);
	if (fds[0].revents)
		client_accept();
}
