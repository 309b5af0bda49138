#include "send/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/packet.h"
#include "send/history.h"
#include "send/log.h"
#include "send/settings.h"
#include "wire/answer.h"
#include "wire/job.h"
#include "wire/report.h"
#include "wire/verp.h"
#include "wire/workerrequest.h"

enum {
	IDLE_MILLISECONDS = 5000,
	JOBS_IN_A_ROW = 20 /* of one worker while other destinations wait for a place */
};

int worker_spawner[CHANNELS];
unsigned worker_jobs[CHANNELS];
unsigned worker_count[CHANNELS];
unsigned worker_requested[CHANNELS];
uint64_t worker_deliveries;
unsigned worker_descriptors = UINT_MAX;
int worker_stopping;

static struct worker **workers;
static size_t workers_length, workers_room;
static struct worker **polled; /* has the same room */
static size_t polled_length;
static char packet[REPORT_PACKET_MAX];
static int no_fds[PACKET_FDS];

/* What was asked of the spawners and not yet answered. */
static struct request {
	uint64_t number;
	struct destination *destination;
} * requests;
static size_t requests_length, requests_room;

static void
status_log(void)
{
	log_status(worker_jobs[CHANNEL_LOCAL], settings.concurrency_local,
		worker_jobs[CHANNEL_REMOTE], settings.concurrency_remote, worker_stopping);
}

/* --- asking for workers --- */

static int
request_remember(uint64_t number, struct destination *d)
{
	if (requests_length == requests_room) {
		size_t room = requests_room ? requests_room * 2 : 64;
		struct request *larger = realloc(requests, room * sizeof *larger);

		if (!larger)
			return -1;
		requests = larger;
		requests_room = room;
	}
	requests[requests_length++] = (struct request){number, d};
	return 0;
}

static struct destination *
request_forget(uint64_t number)
{
	for (size_t i = 0; i < requests_length; i++)
		if (requests[i].number == number) {
			struct destination *d = requests[i].destination;

			requests[i] = requests[--requests_length];
			return d;
		}
	return NULL;
}

int
worker_request(struct destination *d)
{
	static uint64_t number;
	static stralloc bytes = STRALLOC_ZERO;
	struct worker_request request = {++number, d->name};

	bytes.len = 0;
	if (!worker_request_format(&bytes, &request) || request_remember(number, d) == -1)
		return -1;
	if (packet_send(worker_spawner[d->channel], span(bytes.s, bytes.len), NULL, 0) == -1) {
		request_forget(number);
		return -1;
	}
	d->workers++;
	d->requested++;
	worker_count[d->channel]++;
	worker_requested[d->channel]++;
	return 0;
}

void
worker_refuse(struct batch *b, enum verdict verdict, struct span text)
{
	char const *address = b->addresses.s + b->addresses_taken;
	size_t n = genalloc_len(uint32_t, &b->numbers);
	int local = b->destination->channel == CHANNEL_LOCAL;

	for (size_t i = b->taken; i < n; i++, address += strlen(address) + 1) {
		log_starting(++worker_deliveries, b->message->id, local, span_string(address));
		log_delivery(worker_deliveries, verdict, text);
		message_result(b, i, &(struct said){.verdict = verdict, .text = text});
	}
	message_results_end(b->message);
	message_batch_end(b);
}

/*
 * There is no further worker for it. When none runs, a batch is refused: what
 * else was asked for may be refused as well.
 */
static void
worker_refused(struct destination *d, enum verdict verdict, struct span text)
{
	struct batch *b;

	d->workers--;
	worker_count[d->channel]--;
	if (d->workers == d->requested && (b = destination_take(d)))
		worker_refuse(b, verdict, text);
	destination_wants(d);
	destination_release(d);
}

static int
worker_add(struct worker *w)
{
	if (workers_length == workers_room) {
		size_t room = workers_room ? workers_room * 2 : 64;
		struct worker **larger = realloc(polled, room * sizeof *larger);

		if (!larger)
			return -1;
		polled = larger;
		larger = realloc(workers, room * sizeof *larger);
		if (!larger)
			return -1;
		workers = larger;
		workers_room = room;
	}
	workers[workers_length++] = w;
	return 0;
}

static void
worker_make_idle(struct worker *w)
{
	w->idle_since = clock_monotonic();
	w->next_idle = w->destination->idle;
	w->destination->idle = w;
	destination_wants(w->destination);
}

/* It never blocks: a worker that does not read its jobs must not keep us from the others. */
static void
worker_arrived(struct destination *d, int socket)
{
	struct worker *w = calloc(1, sizeof *w);

	if (!w || fcntl(socket, F_SETFL, O_NONBLOCK) == -1 || worker_add(w) == -1) {
		free(w);
		close(socket);
		worker_refused(d, VERDICT_TROUBLE,
			SPAN_LITERAL("There is no memory for another worker. (#4.3.0)"));
		return;
	}
	w->socket = socket;
	w->destination = d;
	worker_make_idle(w);
}

int
worker_answer(enum channel channel)
{
	struct answer answer;
	struct destination *d;
	int fds[PACKET_FDS];
	size_t fd_count;
	ssize_t n =
		packet_receive(worker_spawner[channel], packet, WORKER_PACKET_MAX, fds, &fd_count);

	if (n == -1 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -1;
	if (answer_parse(&answer, packet, (size_t)n) == -1 ||
		!(d = request_forget(answer.number)) ||
		fd_count != (answer.verdict == VERDICT_DELIVERED)) {
		log_alert("a spawner gave an answer that makes no sense", span("", 0));
		while (fd_count)
			close(fds[--fd_count]);
		return -1;
	}
	d->requested--;
	worker_requested[channel]--;
	if (answer.verdict == VERDICT_DELIVERED)
		worker_arrived(d, fds[0]);
	else
		worker_refused(d, answer.verdict, answer.text);
	return 0;
}

/* --- letting go of workers --- */

static void
idle_remove(struct worker *w)
{
	struct worker **at = &w->destination->idle;

	while (*at && *at != w)
		at = &(*at)->next_idle;
	if (*at)
		*at = w->next_idle;
}

static void
worker_free(struct worker *w)
{
	struct destination *d = w->destination;

	for (size_t i = 0; i < workers_length; i++)
		if (workers[i] == w) {
			workers[i] = workers[--workers_length];
			break;
		}
	for (size_t i = 0; i < polled_length; i++)
		if (polled[i] == w)
			polled[i] = NULL;
	idle_remove(w);
	close(w->socket);
	free(w);
	d->workers--;
	worker_count[d->channel]--;
	destination_wants(d);
	destination_release(d);
}

/* The one that has been idle longest while its destination has nothing for it, or NULL. */
static struct worker *
worker_needless(enum channel channel)
{
	struct worker *oldest = NULL;

	for (size_t i = 0; i < workers_length; i++) {
		struct worker *w = workers[i];

		if (w->destination->channel == channel && !w->batch && !w->destination->first &&
			(!oldest || w->idle_since < oldest->idle_since))
			oldest = w;
	}
	return oldest;
}

int
worker_can_evict(enum channel channel)
{
	return worker_needless(channel) != NULL;
}

int
worker_evict(enum channel channel)
{
	struct worker *w = worker_needless(channel);

	if (!w)
		return 0;
	worker_free(w);
	return 1;
}

int
worker_idle_expire(int64_t now, int exiting)
{
	int64_t wait = -1;

	for (size_t i = workers_length; i > 0; i--) {
		struct worker *w = workers[i - 1];
		int64_t left = w->idle_since + IDLE_MILLISECONDS - now;

		if (w->batch)
			continue;
		if (left <= 0 || exiting)
			worker_free(w);
		else if (wait == -1 || left < wait)
			wait = left;
	}
	return (int)wait;
}

/* --- jobs and reports --- */

/*
 * Fills the job with the next recipients of the batch. With VERP each has a
 * sender of its own; one that would be too long stays the pattern.
 */
static void
job_fill(struct job *job, struct batch const *b, uint64_t number)
{
	static stralloc sender = STRALLOC_ZERO;
	struct envelope const *e = &b->message->entry.envelope;
	char const *address = b->addresses.s + b->addresses_taken;
	size_t left = genalloc_len(uint32_t, &b->numbers) - b->taken;

	job->number = number;
	job->message = b->message->id;
	job->length = b->message->entry.message;
	job->body = e->body;
	job->smtputf8 = e->smtputf8;
	job->ret = e->ret;
	job->envelope_id = e->envelope_id;
	job->destination = b->destination->name;
	job->sender = e->sender;
	job->recipients = left < JOB_RECIPIENTS_MAX ? left : JOB_RECIPIENTS_MAX;
	if (verp_is_pattern(e->sender)) {
		sender.len = 0;
		if (verp_expand(&sender, e->sender, span_string(address)) &&
			sender.len < ADDRESS_LIMIT)
			job->sender = span(sender.s, sender.len);
		job->recipients = 1;
	}
	for (size_t i = 0; i < job->recipients; i++) {
		uint32_t place = genalloc_s(uint32_t, &b->numbers)[b->taken + i];
		struct delivery const *d = &b->message->deliveries.recipient[place];

		job->recipient[i] = span_string(address);
		job->notify[i] = d->notify;
		job->original_recipient[i] = d->original_recipient;
		address += job->recipient[i].len + 1;
	}
}

static void
job_log(struct worker *w, struct job const *job)
{
	w->delivery = worker_deliveries + 1;
	for (size_t i = 0; i < job->recipients; i++)
		log_starting(++worker_deliveries, job->message,
			w->destination->channel == CHANNEL_LOCAL, job->recipient[i]);
	worker_jobs[w->destination->channel]++;
	status_log();
}

static int
job_send(struct worker *w, struct job const *job)
{
	static stralloc bytes = STRALLOC_ZERO;

	bytes.len = 0;
	if (!job_format(&bytes, job) || message_reopen(w->batch->message) == -1)
		return -1;
	return packet_send(w->socket, span(bytes.s, bytes.len), &w->batch->message->entry.fd, 1);
}

/* The recipients of the job under way share a verdict that no report gave. */
static void
job_fail(struct worker *w, struct span text)
{
	struct batch *b = w->batch;

	for (size_t i = 0; i < w->recipients; i++) {
		log_delivery(w->delivery + i, VERDICT_TROUBLE, text);
		message_result(
			b, b->taken + i, &(struct said){.verdict = VERDICT_TROUBLE, .text = text});
	}
}

/* Moves on by the recipients of the job that has ended. */
static void
job_end(struct worker *w)
{
	struct batch *b = w->batch;

	worker_jobs[w->destination->channel]--;
	status_log();
	message_results_end(b->message);
	for (size_t i = 0; i < w->recipients; i++)
		b->addresses_taken += strlen(b->addresses.s + b->addresses_taken) + 1;
	b->taken += w->recipients;
	w->recipients = 0;
	w->jobs++;
}

/*
 * The worker is gone or talks nonsense: what it had is trouble of ours, which
 * never counts against the message; the rest of the batch is for another one.
 */
static void
worker_lost(struct worker *w, struct span text)
{
	struct batch *b = w->batch;

	if (b) {
		if (w->recipients) { /* else it has none: in the end no further job is started */
			job_fail(w, text);
			job_end(w);
		}
		w->batch = NULL;
		if (b->taken < genalloc_len(uint32_t, &b->numbers) &&
			!message_is_halted(b->message))
			destination_add(b, 1);
		else
			message_batch_end(b);
	}
	worker_free(w);
}

static void
job_start(struct worker *w)
{
	static uint64_t number;
	static struct job job;

	job_fill(&job, w->batch, ++number);
	w->job = number;
	w->recipients = job.recipients;
	job_log(w, &job);
	if (job_send(w, &job) == -1)
		worker_lost(w, SPAN_LITERAL("The worker could not be given the message. (#4.3.0)"));
}

void
worker_use(struct worker *w)
{
	struct batch *b = destination_take(w->destination);

	if (!b)
		return;
	idle_remove(w);
	w->next_idle = NULL;
	w->batch = b;
	job_start(w);
}

/* Whether this worker should make room for the destinations that have none. */
static int
should_yield(struct worker const *w)
{
	return w->jobs >= JOBS_IN_A_ROW && destination_is_contended(w->destination->channel);
}

static void
batch_go_on(struct worker *w)
{
	struct batch *b = w->batch;

	if (b->taken < genalloc_len(uint32_t, &b->numbers) && !message_is_halted(b->message)) {
		history_write(b->message);
		if (!worker_stopping)
			job_start(w);
		return;
	}
	w->batch = NULL;
	message_batch_end(b);
	if (should_yield(w)) {
		worker_free(w);
		return;
	}
	worker_make_idle(w);
}

static void
report_take(struct worker *w, struct report const *report)
{
	struct destination *d = w->destination;

	if (report->has_facts)
		log_attempt(w->batch->message->id, w->delivery, report);
	for (size_t i = 0; i < report->recipients; i++) {
		struct said said = {report->recipient[i].verdict, report->recipient[i].handover,
			report->host, report->address, report->recipient[i].text};

		log_delivery(w->delivery + i, said.verdict, said.text);
		message_result(w->batch, w->batch->taken + i, &said);
	}
	destination_note(
		d, w->batch->message->id, report->recipient[0].verdict, report->recipient[0].text);
	job_end(w);
	batch_go_on(w);
}

static void
worker_report(struct worker *w)
{
	static struct report report;
	size_t fd_count;
	ssize_t n = packet_receive(w->socket, packet, sizeof packet, no_fds, &fd_count);

	if (n == -1 && errno == EAGAIN)
		return;
	while (fd_count)
		close(no_fds[--fd_count]);
	if (n == 0) {
		worker_lost(
			w, SPAN_LITERAL("The delivery program ended before it reported. (#4.3.0)"));
	} else if (n == -1 || !w->batch || report_parse(&report, packet, (size_t)n) == -1 ||
		   report.number != w->job || report.recipients != w->recipients) {
		log_report_mangled(w->delivery);
		worker_lost(
			w, SPAN_LITERAL("The delivery program's report made no sense. (#4.3.0)"));
	} else {
		report_take(w, &report);
	}
}

/* --- poll --- */

size_t
worker_poll_room(void)
{
	return workers_length;
}

/* Remembers who was polled: what one report does may change the list. */
size_t
worker_poll_prepare(struct pollfd *fds, size_t room)
{
	polled_length = 0;
	for (size_t i = 0; i < workers_length && i < room; i++) {
		fds[i] = (struct pollfd){.fd = workers[i]->socket, .events = POLLIN};
		polled[polled_length++] = workers[i];
	}
	return polled_length;
}

void
worker_poll_done(struct pollfd const *fds)
{
	for (size_t i = 0; i < polled_length; i++)
		if (fds[i].revents && polled[i])
			worker_report(polled[i]);
}
