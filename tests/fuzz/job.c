#include "wire/job.h"

#include <stdlib.h>

#include "wire/answer.h"
#include "wire/report.h"
#include "wire/workerrequest.h"

/* The packets between send, the spawners and the workers: what parses must survive a round trip. */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	static struct job job, job_back;
	static struct report report, report_back;
	struct worker_request request;
	struct answer answer;
	char const *s = (char const *)data;
	stralloc sa = STRALLOC_ZERO;

	if (job_parse(&job, s, size) == 0) {
		job_format(&sa, &job);
		if (job_parse(&job_back, sa.s, sa.len) == -1 ||
			job_back.recipients != job.recipients)
			abort();
	}
	sa.len = 0;
	if (report_parse(&report, s, size) == 0) {
		report_format(&sa, &report);
		if (report_parse(&report_back, sa.s, sa.len) == -1 ||
			report_back.recipients != report.recipients)
			abort();
	}
	worker_request_parse(&request, s, size);
	answer_parse(&answer, s, size);
	stralloc_free(&sa);
	return 0;
}
