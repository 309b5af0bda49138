#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/text.h"
#include "qread/format.h"

/* To the byte what qmail-qread prints, as scripts expect: also its blanks and its '_'. */
static int
foreign_append(stralloc *out, struct span foreign)
{
	size_t start = out->len;

	if (!stralloc_catb(out, foreign.s, foreign.len))
		return 0;
	for (; start < out->len; start++)
		if (out->s[start] < 32 || out->s[start] > 126)
			out->s[start] = '_';
	return 1;
}

static int
head_append(stralloc *out, struct queued const *m)
{
	time_t arrival = (time_t)(m->id / 1000000);
	char date[64] = "";
	struct tm t;

	if (gmtime_r(&arrival, &t)) {
		static char const months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
			"Aug", "Sep", "Oct", "Nov", "Dec"};
		snprintf(date, sizeof date, "%d %s %d %02d:%02d:%02d GMT", t.tm_mday,
			months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
	}
	return text_append(out, date, "  #", (char *)NULL) && text_append_number(out, m->id) &&
	       stralloc_cats(out, "  ") && text_append_number(out, m->entry.message) &&
	       stralloc_cats(out, "  <") && foreign_append(out, m->entry.envelope.sender) &&
	       stralloc_cats(out, queued_is_bouncing(m) ? ">  bouncing\n" : "> \n");
}

static int
recipients_append(stralloc *out, struct queued const *m, char const *where)
{
	int good = 1;

	for (uint64_t i = 0; good && i < m->deliveries.length; i++) {
		struct delivery const *d = &m->deliveries.recipient[i];

		if (strcmp(format_locality(d->recipient), where) == 0)
			good = text_append(out, d->status == DELIVERY_PENDING ? "" : "  done", "\t",
				       where, "\t", (char *)NULL) &&
			       foreign_append(out, d->recipient) && stralloc_catb(out, "\n", 1);
	}
	return good;
}

static int
message_append(stralloc *out, struct queued const *m, struct format_totals const *before)
{
	(void)before;
	return head_append(out, m) && recipients_append(out, m, "local") &&
	       recipients_append(out, m, "remote");
}

static int
end_append(stralloc *out, struct format_totals const *totals)
{
	(void)out, (void)totals;
	return 1;
}

struct format const format_qread = {message_append, end_append};
