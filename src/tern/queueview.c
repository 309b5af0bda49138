#include "tern/queueview.h"

#include <unistd.h>

#include "lib/clock.h"
#include "service/queueclient.h"

/* --- asking --- */

static int
rows_ask(struct queue_view *v, enum queue_verb verb, stralloc *packet)
{
	struct queue_request request = {.verb = verb};

	packet->len = 0;
	return queueclient_ask(v->access.client, &request, packet);
}

static int
all_ask(struct queue_view *v)
{
	if (queueclient_counts(v->access.client, &v->now) == -1 ||
		rows_ask(v, VERB_DESTINATIONS, &v->destinations_packet) == -1 ||
		rows_ask(v, VERB_REPLIES, &v->replies_packet) == -1)
		return -1;
	return queue_destinations_parse(&v->destinations, v->destinations_packet.s,
		       v->destinations_packet.len) == -1 ||
			       queue_replies_parse(&v->replies, v->replies_packet.s,
				       v->replies_packet.len) == -1
		       ? -1
		       : 0;
}

int
queue_view_take(struct queue_view *v)
{
	v->before = v->now;
	v->before_when = v->when;
	v->when = 0;
	if (v->access.client == -1)
		v->access.client = queueclient_open();
	if (v->access.client == -1)
		return 0;
	if (all_ask(v) == -1) {
		close(v->access.client);
		v->access.client = -1;
		return 0;
	}
	v->when = clock_monotonic();
	if (v->before.value[COUNT_STARTED] != v->now.value[COUNT_STARTED])
		v->before_when = 0;
	return 1;
}

/* --- numbers --- */

uint64_t
queue_view_received(struct queue_counts const *c)
{
	return c->value[COUNT_RECEIVED_SMTP] + c->value[COUNT_RECEIVED_SENDMAIL] +
	       c->value[COUNT_RECEIVED_BOUNCE];
}

uint64_t
queue_view_results(struct queue_counts const *c, enum verdict verdict)
{
	return c->value[COUNT_LOCAL_SUCCESS + verdict] + c->value[COUNT_REMOTE_SUCCESS + verdict];
}

static double
rate(struct queue_view const *v, uint64_t now, uint64_t before)
{
	int64_t took = v->when - v->before_when;

	return v->before_when && took > 0 ? (double)(now - before) * 1000 / (double)took : 0;
}

struct queue_rates
queue_view_rates(struct queue_view const *v)
{
	struct queue_counts const *n = &v->now, *b = &v->before;

	return (struct queue_rates){
		.in = rate(v, queue_view_received(n), queue_view_received(b)),
		.out = rate(v, n->value[COUNT_ENDED], b->value[COUNT_ENDED]),
		.delivered = rate(v, queue_view_results(n, VERDICT_DELIVERED),
			queue_view_results(b, VERDICT_DELIVERED)),
		.deferred = rate(v,
			queue_view_results(n, VERDICT_DEFERRED) +
				queue_view_results(n, VERDICT_TROUBLE),
			queue_view_results(b, VERDICT_DEFERRED) +
				queue_view_results(b, VERDICT_TROUBLE)),
		.failed = rate(v, queue_view_results(n, VERDICT_FAILED),
			queue_view_results(b, VERDICT_FAILED)),
	};
}

uint64_t
queue_view_oldest(struct queue_counts const *c)
{
	uint64_t oldest = 0, now = clock_wall() / 1000000;

	for (size_t i = COUNT_TODO_OLDEST; i <= COUNT_HOLD_OLDEST; i++)
		if (c->value[i] && (oldest == 0 || c->value[i] < oldest))
			oldest = c->value[i];
	return oldest && oldest < now ? now - oldest : 0;
}

/* Of both channels, those delivered since the view before within the step and faster. */
static uint64_t
latency_count(struct queue_view const *v, size_t step)
{
	uint64_t count = 0;

	for (size_t i = 0; i <= step; i++) {
		size_t local = COUNT_LOCAL_LATENCY + i, remote = COUNT_REMOTE_LATENCY + i;

		count += v->now.value[local] + v->now.value[remote];
		if (v->before_when)
			count -= v->before.value[local] + v->before.value[remote];
	}
	return count;
}

uint64_t
queue_view_latency(struct queue_view const *v, unsigned percent)
{
	uint64_t all = latency_count(v, LATENCY_STEPS - 1);
	size_t step = 0;

	if (all == 0)
		return 0;
	while (latency_count(v, step) * 100 < all * percent)
		step++;
	return queue_latency_bound[step];
}
