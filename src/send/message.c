#include "send/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "send/batch.h"
#include "send/counters.h"
#include "send/destination.h"
#include "send/helpers.h"
#include "send/history.h"
#include "send/log.h"
#include "send/notices.h"
#include "send/queue.h"
#include "send/settings.h"
#include "send/worker.h"
#include "spool/layout.h"

enum {
	TROUBLE_DELAY = 60,          /* seconds until what failed on our side is tried again, */
	WARNING_TROUBLE_DELAY = 900, /* but for what is only a warning */
	ENTRIES_OPEN_MAX = 300       /* messages that keep their file open while they wait */
};

unsigned messages_loaded;
struct message *messages_first;

static struct idset loaded = IDSET_ZERO;

static uint64_t
now_seconds(void)
{
	return clock_wall() / 1000000;
}

int
message_is_loaded(uint64_t id)
{
	return idset_has(&loaded, id);
}

int
message_is_halted(struct message const *m)
{
	return m->is_ordered || m->deliveries.held;
}

/* A place for a message in memory. NULL when there is none, or when it has one already. */
static struct message *
message_new(uint64_t id)
{
	struct message *m = calloc(1, sizeof *m);

	if (!m || clean_reserve(messages_loaded + 1) == -1 || idset_add(&loaded, id) != 1) {
		free(m);
		return NULL;
	}
	m->id = id;
	m->entry.fd = -1;
	m->again = UINT64_MAX;
	m->next_loaded = messages_first;
	if (messages_first)
		messages_first->at_loaded = &m->next_loaded;
	m->at_loaded = &messages_first;
	messages_first = m;
	messages_loaded++;
	return m;
}

static void
message_unload(struct message *m)
{
	*m->at_loaded = m->next_loaded;
	if (m->next_loaded)
		m->next_loaded->at_loaded = m->at_loaded;
	idset_remove(&loaded, m->id);
	history_release(m);
	entry_close(&m->entry);
	delivery_list_free(&m->deliveries);
	stralloc_free(&m->history);
	stralloc_free(&m->unwritten);
	stralloc_free(&m->busy);
	free(m);
	messages_loaded--;
}

static int
message_read(struct message *m, enum agenda_reason reason)
{
	unsigned damaged = 0;

	if (reason != AGENDA_NEW && history_read(m) == -1) {
		log_message_warning(m->id, "its history can not be read, will try later: ",
			span_string(strerror(errno)));
		return -1;
	}
	if (delivery_replay(&m->deliveries, &m->entry.envelope, span(m->history.s, m->history.len),
		    &damaged) == -1) {
		log_alert("out of memory, will try later", span("", 0));
		return -1;
	}
	if (damaged)
		log_message_warning(
			m->id, "damaged lines in its history are passed over", span("", 0));
	return 0;
}

/* What becomes of an id whose file is not a good entry: one that has a history was once. */
static void
entry_refused(uint64_t id, enum entry_result result)
{
	char path[SPOOL_PATH_MAX];
	struct stat st;

	spool_hist_path(path, id);
	if (result == ENTRY_UNSEALED && lstat(path, &st) == 0)
		result = ENTRY_BROKEN;
	switch (result) {
	case ENTRY_GOOD: break;
	case ENTRY_ABSENT: queue_forget(id); break;
	case ENTRY_UNSEALED:
		spool_mess_path(path, id);
		if (lstat(path, &st) == 0 && st.st_mtime + SPOOL_ARRIVAL_MAX < time(NULL)) {
			log_message_warning(id,
				"what is left of an arrival that broke off is removed",
				span("", 0));
			clean_remove(id, 0);
		} else {
			queue_forget(id);
		}
		break;
	case ENTRY_BROKEN:
		log_alert("an entry is broken and is set aside in queue/bad, see tern-queue(5)",
			span("", 0));
		log_message_warning(id, "broken entry", span("", 0));
		clean_set_aside(id);
		break;
	case ENTRY_TROUBLE:
		log_message_warning(
			id, "can not be read, will try later: ", span_string(strerror(errno)));
		queue_wait(id, now_seconds() + TROUBLE_DELAY);
		break;
	}
}

int
message_reopen(struct message *m)
{
	char path[SPOOL_PATH_MAX];

	if (m->entry.fd != -1)
		return 0;
	spool_mess_path(path, m->id);
	m->entry.fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return m->entry.fd == -1 ? -1 : 0;
}

int
message_order(struct message *m, enum order order, uid_t by)
{
	char words[32];
	int result;

	snprintf(words, sizeof words, "uid %lu", (unsigned long)by);
	result = order_apply(
		&m->unwritten, &m->deliveries, order, now_seconds(), span_string(words));
	if (result == 1)
		log_order(m->id, order, by);
	if (order == ORDER_RELEASE)
		batches_note(m, 0);
	if (order == ORDER_REMOVE)
		history_write(m); /* which the end of a message does without */
	return result;
}

/* Whether it is done with, and then has it removed. */
static int
message_end(struct message *m)
{
	uint64_t id = m->id;

	for (uint64_t i = 0; i < m->deliveries.length; i++)
		if (m->deliveries.recipient[i].status != DELIVERY_DONE ||
			m->deliveries.recipient[i].unreported)
			return 0;
	message_unload(m);
	clean_remove(id, 1);
	return 1;
}

/* The clock may have been set back while it was held. */
static int
something_is_due(struct message const *m)
{
	uint64_t now = now_seconds();

	for (uint64_t i = 0; i < m->deliveries.length; i++)
		if (m->deliveries.recipient[i].status == DELIVERY_PENDING &&
			message_recipient_is_due(&m->deliveries.recipient[i], now))
			return 1;
	return 0;
}

static void
message_wait(struct message *m)
{
	uint64_t id = m->id;
	uint64_t next = something_is_due(m) ? 1 : history_next_due(m);
	int held = m->deliveries.held != 0;

	history_sync(m);
	message_unload(m);
	if (held)
		queue_hold(id);
	else
		queue_wait(id, next && next != UINT64_MAX ? next : 1);
}

static void
message_settle(struct message *m)
{
	enum notice_kind kind;

	if (m->is_ordered) {
		m->is_ordered = 0;
		message_order(m, m->order, m->order_by);
	}
	while (!message_end(m) && history_write(m) == 0) /* else settled when that has worked */
		switch (m->deliveries.held ? NOTICES_NONE : notices_due(m, &kind)) {
		case NOTICES_NONE: message_wait(m); return;
		case NOTICES_NOW: bounce_request(m, kind); return;
		case NOTICES_DROPPED: break;
		}
}

/* One that failed is loaded again for its bounce, when there is room. */
void
message_put_back(struct message *m, int waits_elsewhere)
{
	if (message_end(m) || history_write(m) == -1)
		return;
	if (waits_elsewhere)
		message_unload(m);
	else
		message_wait(m);
}

/* What is stuck again goes back to the list, behind the end of this loop. */
void
message_stuck_retry(void)
{
	struct message *all = NULL;
	struct message *m;

	while ((m = history_stuck_take())) {
		m->next_stuck = all;
		all = m;
	}
	while (all) {
		m = all;
		all = m->next_stuck;
		if (m->batches == 0 && !bounce_is_asked_for(m))
			message_settle(m);
		else
			history_write(m);
	}
}

static int
one_full_destination(struct batch const *batches)
{
	return batches && !batches->next && destination_is_full(batches->destination);
}

static void
message_start(struct message *m, int forced)
{
	int failed = 0;
	struct batch *batches = m->deliveries.held ? NULL : batches_sort(m, forced, &failed);
	uint64_t id = m->id;

	if (failed) {
		log_alert("out of memory, will try later", span("", 0));
		message_unload(m);
		queue_wait(id, now_seconds() + TROUBLE_DELAY);
	} else if (!batches) {
		message_settle(m);
	} else if (!forced && one_full_destination(batches) &&
		   destination_park(batches->destination, id) == 0) {
		batches_drop(m, batches);
		message_unload(m);
	} else {
		batches_start(batches);
	}
}

static void
message_log_new(struct message const *m)
{
	struct envelope const *e = &m->entry.envelope;

	log_new_message(m->id);
	log_info(m->id, m->entry.message, e->sender, e->pid, e->uid);
}

void
message_load(uint64_t id, enum agenda_reason reason)
{
	struct message *m;
	enum entry_result result;

	if (message_is_loaded(id))
		return;
	m = message_new(id);
	if (!m) {
		log_alert("out of memory, will try later", span("", 0));
		queue_wait(id, now_seconds() + TROUBLE_DELAY);
		return;
	}
	result = entry_open(&m->entry, id);
	if (result != ENTRY_GOOD) {
		message_unload(m);
		entry_refused(id, result);
		return;
	}
	if (message_read(m, reason) == -1) {
		message_unload(m);
		queue_wait(id, now_seconds() + TROUBLE_DELAY);
		return;
	}
	if (messages_loaded > ENTRIES_OPEN_MAX || messages_loaded > worker_descriptors / 8) {
		close(m->entry.fd);
		m->entry.fd = -1;
	}
	if (!m->has_history)
		message_log_new(m);
	m->is_fresh = !m->has_history;
	if (reason == AGENDA_NEW && !m->has_history)
		counters_received(&m->entry.envelope);
	message_start(m, reason == AGENDA_FORCED);
}

struct message *
message_fetch(uint64_t id, enum entry_result *result)
{
	struct message *m = message_new(id);

	*result = ENTRY_TROUBLE;
	if (!m)
		return NULL;
	*result = entry_open(&m->entry, id);
	if (*result == ENTRY_GOOD && message_read(m, AGENDA_DUE) == -1)
		*result = ENTRY_TROUBLE;
	if (*result != ENTRY_GOOD) {
		message_unload(m);
		return NULL;
	}
	close(m->entry.fd);
	m->entry.fd = -1;
	if (!m->has_history) {
		message_log_new(m);
		counters_received(&m->entry.envelope);
	}
	return m;
}

void
message_clock_back(uint64_t seconds)
{
	for (struct message *m = messages_first; m; m = m->next_loaded) {
		batches_note(m, 0);
		for (uint64_t i = 0; i < m->deliveries.length; i++) {
			struct delivery *d = &m->deliveries.recipient[i];

			d->next -= d->next > seconds ? seconds : d->next;
			d->when -= d->when > seconds ? seconds : d->when;
		}
	}
}

void
message_batch_end(struct batch *b)
{
	struct message *m = b->message;

	if (m->batches > 1)
		batch_note(b);
	batch_free(b);
	if (--m->batches == 0)
		message_settle(m);
	else
		history_write(m);
}

/* What a notice that nobody is to have, or that there is, leaves to do. */
static void
notice_done(struct message *m, struct span text)
{
	message_results_told(m, m->notice, text);
	message_settle(m);
}

static void
notice_log(struct message const *m, struct span notice_id, struct span qp)
{
	if (m->notice == NOTICE_FAILURE)
		log_bounce(m->id, notice_id, qp);
	else
		log_notice(m->id, m->notice, notice_id);
}

void
message_bounced(struct message *m, enum verdict verdict, struct span text)
{
	struct span whole = text, notice_id = span_cut(&text, ' ');

	counters_bounce(m, verdict);
	switch (verdict) {
	case VERDICT_DELIVERED:
		notice_log(m, notice_id, text);
		notice_done(m, span("", 0));
		return;
	case VERDICT_FAILED:
		if (span_equal(m->entry.envelope.sender, SPAN_LITERAL("#@[]")))
			log_triple_bounce(m->id);
		else
			log_bounce_unwanted(m->id); /* NOTIFY=NEVER (RFC 3461, 4.1) */
		notice_done(m, span("", 0));
		return;
	case VERDICT_DEFERRED:
	case VERDICT_TROUBLE: break;
	}
	log_message_warning(m->id,
		m->notice == NOTICE_FAILURE ? "its bounce can not be queued, will try again: "
					    : "a notice of it can not be queued, will try again: ",
		whole);
	if (message_is_halted(m)) {
		message_settle(m);
		return;
	}
	m->notice_after =
		now_seconds() + (m->notice == NOTICE_DELAY ? WARNING_TROUBLE_DELAY : TROUBLE_DELAY);
	message_wait(m);
}
