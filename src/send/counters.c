#include "send/counters.h"

#include "lib/clock.h"
#include "send/destination.h"
#include "wire/diagnosis.h"

static struct queue_counts counts;

/* The last replies; the oldest is overwritten. */
static struct kept_reply {
	uint64_t when, message;
	enum verdict verdict;
	size_t destination_len, text_len;
	char destination[QUEUECONTROL_NAME_MAX];
	char text[QUEUECONTROL_TEXT_MAX];
} kept[QUEUECONTROL_ROWS_MAX];
static size_t kept_count; /* ever */

void
counters_received(struct envelope const *envelope)
{
	if (span_equal(envelope->via, SPAN_LITERAL("network")))
		counts.value[COUNT_RECEIVED_SMTP]++;
	else if (span_equal(envelope->via, SPAN_LITERAL("bounce")))
		counts.value[COUNT_RECEIVED_BOUNCE]++;
	else
		counts.value[COUNT_RECEIVED_SENDMAIL]++;
}

/* How long it took from the arrival. A clock that was set back makes it 0. */
static void
latency_count(uint64_t id, int remote)
{
	uint64_t now = clock_wall();
	uint64_t took = now > id ? (now - id) / 1000 : 0;
	size_t step = 0;

	while (took > queue_latency_bound[step])
		step++;
	counts.value[(remote ? COUNT_REMOTE_LATENCY : COUNT_LOCAL_LATENCY) + step]++;
	counts.value[remote ? COUNT_REMOTE_LATENCY_MILLISECONDS
			    : COUNT_LOCAL_LATENCY_MILLISECONDS] += took;
}

/* What tern-remote says when DNS named no host (net/mailhosts.c), by its code. */
static void
dns_error_count(struct span text)
{
	static struct {
		char const *status;
		enum queue_count count;
	} const errors[] = {
		{"4.4.3", COUNT_DNS_SERVFAIL},
		{"4.1.2", COUNT_DNS_NXDOMAIN},
		{"4.4.4", COUNT_DNS_NODATA},
	};
	struct diagnosis diagnosis;

	diagnosis_read_as(&diagnosis, text, '4'); /* whether it is final or not */
	if (diagnosis.reply.len)
		return;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
		if (strcmp(diagnosis.status, errors[i].status) == 0)
			counts.value[errors[i].count]++;
}

static size_t
keep(char *place, struct span text, size_t max)
{
	size_t len = text.len < max ? text.len : max;

	if (len)
		memcpy(place, text.s, len);
	return len;
}

void
counters_result(struct batch const *batch, enum verdict verdict, struct span host, struct span text)
{
	int remote = batch->destination->channel == CHANNEL_REMOTE;
	struct kept_reply *reply = &kept[kept_count++ % QUEUECONTROL_ROWS_MAX];
	struct span name = host.len ? host : batch->destination->name;

	counts.value[(remote ? COUNT_REMOTE_SUCCESS : COUNT_LOCAL_SUCCESS) + (size_t)verdict]++;
	if (verdict == VERDICT_DELIVERED)
		latency_count(batch->message->id, remote);
	else if (remote && host.len == 0)
		dns_error_count(text);
	reply->when = clock_wall() / 1000000;
	reply->message = batch->message->id;
	reply->verdict = verdict;
	reply->destination_len = keep(reply->destination, name, sizeof reply->destination);
	reply->text_len = keep(reply->text, text, sizeof reply->text);
}

void
counters_ended(void)
{
	counts.value[COUNT_ENDED]++;
}

void
counters_bounce(struct message const *m, enum verdict verdict)
{
	if (m->notice != NOTICE_FAILURE)
		return;
	if (verdict == VERDICT_FAILED)
		counts.value[COUNT_BOUNCES_DISCARDED]++;
	else if (verdict != VERDICT_DELIVERED)
		return;
	else if (m->entry.envelope.sender.len == 0)
		counts.value[COUNT_BOUNCES_DOUBLE]++;
	else
		counts.value[COUNT_BOUNCES_SINGLE]++;
}

void
counters_fill(struct queue_counts *out)
{
	static uint64_t started;

	if (started == 0)
		started = clock_wall() / 1000000;
	*out = counts;
	out->value[COUNT_STARTED] = started;
}

void
counters_replies(struct queue_replies *replies)
{
	size_t have = kept_count < QUEUECONTROL_ROWS_MAX ? kept_count : QUEUECONTROL_ROWS_MAX;

	for (replies->rows = 0; replies->rows < have; replies->rows++) {
		struct kept_reply const *k =
			&kept[(kept_count - 1 - replies->rows) % QUEUECONTROL_ROWS_MAX];

		replies->row[replies->rows] = (struct queue_reply){k->when, k->message, k->verdict,
			span(k->destination, k->destination_len), span(k->text, k->text_len)};
	}
}
