#include "smtpd/dnsbls.h"
#include "smtpd/limits.h"

#include <stdlib.h>
#include <string.h>

/* The first line is one of control/dnsbls, the second of control/rateconnections. */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct span rest = span((char const *)data, size);
	struct span line = span_cut(&rest, '\n');
	struct rate_limit limit;
	struct dnsbl dnsbl;
	char const *reason = NULL;

	if (dnsbl_parse(&dnsbl, line, &reason) == 0) {
		if (dnsbl.zone.len == 0 || dnsbl.zone.len > DNSBL_ZONE_MAX ||
			dnsbl.zone.s < line.s || dnsbl.zone.s + dnsbl.zone.len > line.s + line.len)
			abort();
		for (unsigned code = 0; code < 256; code++) {
			struct netaddress answer = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0,
				0, (unsigned char)code}};
			enum dnsbl_meaning meaning = dnsbl_read(&dnsbl, &answer);

			if (meaning == DNSBL_LISTED && (code < 2 || code == 255))
				abort();
			if (code == 1 && meaning != DNSBL_ALARM)
				abort();
		}
	} else if (!reason) {
		abort();
	}
	reason = NULL;
	if (limits_rate_parse(&limit, rest, &reason) == 0) {
		if (limit.count == 0 || limit.count > RATE_COUNT_MAX || limit.seconds == 0 ||
			limit.seconds > RATE_SECONDS_MAX)
			abort();
	} else if (!reason) {
		abort();
	}
	return 0;
}
