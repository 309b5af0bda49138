#include "lib/json.h"
#include "lib/text.h"
#include "qread/format.h"

static char const *
status_name(enum delivery_status status)
{
	switch (status) {
	case DELIVERY_PENDING: return "pending";
	case DELIVERY_FAILED: return "failed";
	case DELIVERY_DONE: break;
	}
	return "done";
}

static int
recipient_append(stralloc *out, struct delivery const *d)
{
	return stralloc_cats(out, "{\"address\":") && json_append_string(out, d->recipient) &&
	       json_append_text_field(out, "where", span_string(format_locality(d->recipient))) &&
	       json_append_text_field(out, "status", span_string(status_name(d->status))) &&
	       json_append_number_field(out, "attempts", d->attempts) &&
	       json_append_number_field(out, "next", d->next) &&
	       json_append_number_field(out, "when", d->when) &&
	       json_append_text_field(out, "host", d->host) &&
	       json_append_text_field(out, "host_address", d->address) &&
	       json_append_text_field(out, "reason", d->text) && stralloc_catb(out, "}", 1);
}

static int
message_append(stralloc *out, struct queued const *m, struct format_totals const *before)
{
	struct envelope const *e = &m->entry.envelope;
	int good = stralloc_cats(out, "{\"id\":\"") && text_append_number(out, m->id) &&
		   stralloc_catb(out, "\"", 1) &&
		   json_append_number_field(out, "arrival", m->id / 1000000) &&
		   json_append_number_field(out, "size", m->entry.message) &&
		   json_append_text_field(out, "sender", e->sender) &&
		   json_append_text_field(out, "via", e->via) &&
		   json_append_number_field(out, "uid", e->uid) &&
		   json_append_number_field(out, "held", m->deliveries.held) &&
		   json_append_number_field(out, "active", (uint64_t)m->is_active) &&
		   stralloc_cats(out, ",\"recipients\":[");

	(void)before;
	for (uint64_t i = 0; good && i < m->deliveries.length; i++)
		good = (i == 0 || stralloc_catb(out, ",", 1)) &&
		       recipient_append(out, &m->deliveries.recipient[i]);
	return good && stralloc_cats(out, "]}\n");
}

static int
end_append(stralloc *out, struct format_totals const *totals)
{
	(void)out, (void)totals;
	return 1;
}

struct format const format_json = {message_append, end_append};
