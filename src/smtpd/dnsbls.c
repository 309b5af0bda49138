#include "smtpd/dnsbls.h"

#include <string.h>

#include "lib/number.h"
#include "wire/dnsmessage.h"

enum { CODE_MIN = 2, CODE_MAX = 254 };

static int
range_parse(struct dnsbl *dnsbl, struct span range)
{
	struct span low = span_cut(&range, '-');
	uint64_t from, to;

	if (number_parse(span_trim(low), CODE_MAX, &from) == -1 || from < CODE_MIN)
		return -1;
	to = from;
	if (range.len && (number_parse(span_trim(range), CODE_MAX, &to) == -1 || to < from))
		return -1;
	for (uint64_t code = from; code <= to; code++)
		dnsbl->counts[code] = 1;
	return 0;
}

int
dnsbl_parse(struct dnsbl *dnsbl, struct span line, char const **reason)
{
	int has_codes = span_find(line, ':') < line.len;
	struct dns_name name;

	memset(dnsbl->counts, !has_codes, sizeof dnsbl->counts);
	dnsbl->zone = span_trim(span_cut(&line, ':'));
	if (dnsbl->zone.len == 0 || dnsbl->zone.len > DNSBL_ZONE_MAX ||
		dns_name_parse(&name, dnsbl->zone) == -1) {
		*reason = "this is not the name of a zone";
		return -1;
	}
	if (has_codes)
		do {
			if (range_parse(dnsbl, span_cut(&line, ',')) == -1) {
				*reason = "the codes are not numbers from 2 to 254, as in 2-4,9";
				return -1;
			}
		} while (line.len);
	return 0;
}

static int
lines_parse(struct dnsbls *dnsbls, stralloc *why)
{
	static char const name[] = "dnsbls";
	char const *reason;

	dnsbls->count = control_list_length(&dnsbls->list);
	if (dnsbls->count > DNSBLS_MAX)
		return control_complain(why, name, 0, "has more than 8 lines", span("", 0));
	for (size_t i = 0; i < dnsbls->count; i++) {
		struct control_line const *line = control_list_line(&dnsbls->list, i);

		if (dnsbl_parse(&dnsbls->dnsbl[i], line->text, &reason) == -1)
			return control_complain(why, name, line->number, reason, line->text);
	}
	return 0;
}

int
dnsbls_load(struct dnsbls *dnsbls, stralloc *why)
{
	struct control_list const none = CONTROL_LIST_ZERO;

	dnsbls->list = none;
	dnsbls->count = 0;
	if (control_list_read(&dnsbls->list, "dnsbls", why) == -1 ||
		lines_parse(dnsbls, why) == -1) {
		dnsbls_free(dnsbls);
		return -1;
	}
	return 0;
}

void
dnsbls_free(struct dnsbls *dnsbls)
{
	struct control_list const none = CONTROL_LIST_ZERO;

	control_list_free(&dnsbls->list);
	dnsbls->list = none;
	dnsbls->count = 0;
}

enum dnsbl_meaning
dnsbl_read(struct dnsbl const *dnsbl, struct netaddress const *answer)
{
	unsigned char const *b = answer->bytes + 12;

	if (!netaddress_is_v4(answer) || b[0] != 127)
		return DNSBL_ALARM;
	if (b[1] == 255 && b[2] == 255)
		return DNSBL_ALARM;
	if (b[1] != 0 || b[2] != 0)
		return DNSBL_NOTHING;
	if (b[3] == 1)
		return DNSBL_ALARM;
	return b[3] >= CODE_MIN && b[3] <= CODE_MAX && dnsbl->counts[b[3]] ? DNSBL_LISTED
									   : DNSBL_NOTHING;
}
