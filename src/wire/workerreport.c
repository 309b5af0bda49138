#include "wire/workerreport.h"

#include <string.h>

#include <skalibs/uint32.h>

enum { NUMBERS_LENGTH = 1 + 4 + 4 * WORKER_REPORT_LIMITS };

static int
is_plain(struct worker_report const *report)
{
	uint32_t any = report->errors;

	for (size_t i = 0; i < WORKER_REPORT_LIMITS; i++)
		any |= report->unused[i];
	return any == 0;
}

size_t
worker_report_format(char s[WORKER_REPORT_MAX], struct worker_report const *report)
{
	s[0] = (char)report->kind;
	if (report->kind == WORKER_ASKS) {
		s[1] = (char)report->which;
		return 2;
	}
	if (report->kind == WORKER_BRINGS) {
		memcpy(s + 1, report->client.bytes, sizeof report->client.bytes);
		return 1 + sizeof report->client.bytes;
	}
	if (is_plain(report))
		return 1;
	uint32_pack_big(s + 1, report->errors);
	for (size_t i = 0; i < WORKER_REPORT_LIMITS; i++)
		uint32_pack_big(s + 5 + 4 * i, report->unused[i]);
	return NUMBERS_LENGTH;
}

int
worker_report_parse(struct worker_report *report, char const *s, size_t len)
{
	memset(report, 0, sizeof *report);
	if (len == 1 && s[0] == WORKER_DONE)
		return 0;
	if (len == 2 && s[0] == WORKER_ASKS && s[1] >= 0 && s[1] < WORKER_REPORT_LIMITS) {
		report->kind = WORKER_ASKS;
		report->which = (unsigned)s[1];
		return 0;
	}
	if (len == 1 + sizeof report->client.bytes && s[0] == WORKER_BRINGS) {
		report->kind = WORKER_BRINGS;
		memcpy(report->client.bytes, s + 1, sizeof report->client.bytes);
		return 0;
	}
	if (len != NUMBERS_LENGTH || s[0] != WORKER_DONE)
		return -1;
	uint32_unpack_big(s + 1, &report->errors);
	for (size_t i = 0; i < WORKER_REPORT_LIMITS; i++)
		uint32_unpack_big(s + 5 + 4 * i, &report->unused[i]);
	return 0;
}

void
worker_grant_format(char s[WORKER_GRANT_LENGTH], uint32_t count)
{
	uint32_pack_big(s, count);
}

uint32_t
worker_grant_parse(char const s[WORKER_GRANT_LENGTH])
{
	uint32_t count;

	uint32_unpack_big(s, &count);
	return count;
}
