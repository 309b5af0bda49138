#include "wire/workerreport.h"

#include <stdlib.h>
#include <string.h>

/* What is accepted and not empty is written again as the same bytes. */
int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	char packet[WORKER_REPORT_MAX];
	struct worker_report report;
	size_t len;

	if (worker_report_parse(&report, (char const *)data, size) == -1)
		return 0;
	len = worker_report_format(packet, &report);
	if (len > size || memcmp(packet, data, len) != 0 || report.which >= WORKER_REPORT_LIMITS)
		abort();
	return 0;
}
