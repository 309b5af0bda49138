#include <stdio.h>
#include <time.h>

#include "lib/text.h"
#include "qread/format.h"

static char const heading[] =
	"-Queue ID-------- --Size-- ----Arrival Time---- -Sender/Recipient-------\n";

enum { RECIPIENT_COLUMN = 48, REASON_COLUMN = 18 };

static int
blanks_append(stralloc *out, size_t n)
{
	while (n--)
		if (!stralloc_catb(out, " ", 1))
			return 0;
	return 1;
}

/* In the reader's own time, as people expect of mailq. */
static void
date_make(char date[32], uint64_t seconds)
{
	time_t when = (time_t)seconds;
	struct tm t;

	if (!localtime_r(&when, &t) || strftime(date, 32, "%a %b %d %H:%M:%S", &t) == 0)
		snprintf(date, 32, "(unknown)");
}

/* As Postfix marks them. */
static char const *
mark_of(struct queued const *m)
{
	return m->deliveries.held ? "!" : m->is_active ? "*" : "";
}

static int
head_append(stralloc *out, struct queued const *m)
{
	struct span sender = m->entry.envelope.sender;
	char line[100], date[32], id[24];

	date_make(date, m->id / 1000000);
	snprintf(id, sizeof id, "%llu%s", (unsigned long long)m->id, mark_of(m));
	snprintf(line, sizeof line, "%-17s %8llu %-20s ", id, (unsigned long long)m->entry.message,
		date);
	return stralloc_cats(out, line) &&
	       text_append_clean(out, sender.len ? sender : SPAN_LITERAL("MAILER-DAEMON")) &&
	       stralloc_catb(out, "\n", 1);
}

/* Why it is still here, and when it will be tried again. */
static int
reason_append(stralloc *out, struct delivery const *d, int held)
{
	char line[100], date[32];

	if (d->when == 0)
		return 1;
	if (!blanks_append(out, REASON_COLUMN) || !stralloc_catb(out, "(", 1) ||
		!text_append_clean(out, d->text) || !stralloc_cats(out, ")\n"))
		return 0;
	date_make(date, d->next);
	if (d->status == DELIVERY_FAILED)
		snprintf(line, sizeof line, "(failed; the sender is being told)\n");
	else if (held)
		snprintf(line, sizeof line, "(held, attempt %lu when it is released)\n",
			(unsigned long)d->attempts + 1);
	else
		snprintf(line, sizeof line, "(next try %s, attempt %lu)\n", date,
			(unsigned long)d->attempts + 1);
	return blanks_append(out, REASON_COLUMN) && stralloc_cats(out, line);
}

static int
has_same_reason(struct delivery const *a, struct delivery const *b)
{
	return a->status == b->status && a->attempts == b->attempts && a->next == b->next &&
	       (a->when == 0) == (b->when == 0) && span_equal(a->text, b->text);
}

static int
message_append(stralloc *out, struct queued const *m, struct format_totals const *before)
{
	struct delivery const *last = NULL;
	int good = before->messages || stralloc_cats(out, heading);

	good = good && head_append(out, m);
	for (uint64_t i = 0; good && i < m->deliveries.length; i++) {
		struct delivery const *d = &m->deliveries.recipient[i];

		if (d->status == DELIVERY_DONE)
			continue;
		if (!last || !has_same_reason(last, d))
			good = reason_append(out, d, m->deliveries.held != 0);
		last = d;
		good = good && blanks_append(out, RECIPIENT_COLUMN) &&
		       text_append_clean(out, d->recipient) && stralloc_catb(out, "\n", 1);
	}
	return good && stralloc_catb(out, "\n", 1);
}

static int
end_append(stralloc *out, struct format_totals const *totals)
{
	char line[100];

	if (totals->messages == 0)
		return stralloc_cats(out, "Mail queue is empty\n");
	snprintf(line, sizeof line, "-- %llu Kbytes in %llu Request%s.\n",
		(unsigned long long)(totals->bytes / 1024), (unsigned long long)totals->messages,
		totals->messages == 1 ? "" : "s");
	return stralloc_cats(out, line);
}

struct format const format_mailq = {message_append, end_append};
