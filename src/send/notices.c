#include "send/notices.h"

#include "lib/clock.h"
#include "send/log.h"
#include "send/settings.h"

/*
 * A notice that the limits hold up is worth nothing after so long. Only then is
 * one dropped, never for the time alone: the clock may have been wrong.
 */
enum { WAIT_MIN = 86400 };

static uint64_t
now_seconds(void)
{
	return clock_wall() / 1000000;
}

static uint64_t
warning_time(struct message const *m, struct delivery const *d)
{
	if (!notice_concerns(NOTICE_DELAY, d, m->entry.envelope.sender))
		return UINT64_MAX;
	return warnafter_next(&settings.warnafter, m->id / 1000000, d->warned);
}

uint64_t
notices_next(struct message const *m)
{
	uint64_t next = UINT64_MAX;

	for (uint64_t i = 0; i < m->deliveries.length; i++) {
		struct delivery const *d = &m->deliveries.recipient[i];
		uint64_t time = notice_fits(NOTICE_FAILURE, d) || notice_fits(NOTICE_SUCCESS, d)
					? 0
					: warning_time(m, d);

		if (time < next)
			next = time;
	}
	return next;
}

static int
is_due(struct message const *m, enum notice_kind kind, uint64_t now)
{
	for (uint64_t i = 0; i < m->deliveries.length; i++) {
		struct delivery const *d = &m->deliveries.recipient[i];

		if (kind == NOTICE_DELAY ? warning_time(m, d) <= now : notice_fits(kind, d))
			return 1;
	}
	return 0;
}

/* Whether somebody is to be told, or it is just to be marked. */
static int
is_wanted(struct message const *m, enum notice_kind kind)
{
	for (uint64_t i = 0; i < m->deliveries.length; i++)
		if (notice_concerns(kind, &m->deliveries.recipient[i], m->entry.envelope.sender))
			return 1;
	return 0;
}

/* Whether all that the notice is about has happened too long ago. */
static int
is_stale(struct message const *m, enum notice_kind kind, uint64_t now)
{
	uint64_t longest = settings.queuelifetime > WAIT_MIN ? settings.queuelifetime : WAIT_MIN;

	if (kind == NOTICE_DELAY)
		return 0;
	for (uint64_t i = 0; i < m->deliveries.length; i++) {
		struct delivery const *d = &m->deliveries.recipient[i];

		if (notice_fits(kind, d) && d->when + longest >= now)
			return 0;
	}
	return 1;
}

/* How many seconds a notice has to wait for the limits; 0: it may go. */
static uint64_t
wait_for_limits(struct message const *m)
{
	static stralloc address = STRALLOC_ZERO;
	uint64_t wait;
	int first;

	address.len = 0;
	if (!notice_address_append(&address, m->entry.envelope.sender))
		return WAIT_MIN;
	wait = noticebudget_take(span(address.s, address.len), &settings.notices_to_address,
		&settings.notices_to_domain, clock_monotonic() * 1000, &first);
	if (wait && first)
		log_warning("notices wait, since control/ratebounces lets no more through, to ",
			address.len ? span(address.s, address.len)
				    : SPAN_LITERAL("the postmaster"));
	return wait;
}

enum notices_turn
notices_due(struct message *m, enum notice_kind *kind)
{
	struct span const dropped =
		SPAN_LITERAL("dropped: it waited too long for control/ratebounces");
	uint64_t now = now_seconds();

	m->notice_after = 0;
	for (int k = 0; k < NOTICE_KINDS; k++) {
		uint64_t wait = 0;

		*kind = (enum notice_kind)k;
		if (!is_due(m, *kind, now))
			continue;
		if (is_wanted(m, *kind))
			wait = wait_for_limits(m);
		if (wait == 0)
			return NOTICES_NOW;
		if (is_stale(m, *kind, now)) {
			log_message_warning(m->id,
				"a notice of it waited too long for control/ratebounces and is dropped",
				span("", 0));
			message_results_told(m, *kind, dropped);
			return NOTICES_DROPPED;
		}
		m->notice_after = now + wait;
		return NOTICES_NONE;
	}
	return NOTICES_NONE;
}
