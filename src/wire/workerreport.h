#ifndef WIRE_WORKERREPORT_H
#define WIRE_WORKERREPORT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/netaddress.h"

/*
 * What the worker of a service says to its parent, a packet each:
 *
 *   0                                  it is done with its connection
 *   0 errors unused[2]                 the same, of a client with limits: how often it was
 *                                      refused, and what was asked for in vain
 *   1 which                            asks for some more of a limit of its client; the
 *                                      answer is one number: how many it may have
 *   2 address                          its client is a proxy, and this is whom it brings; the
 *                                      answer is one number: 1 when that one may connect, or 0
 *
 * Numbers are of four bytes, the highest first; `which` is one byte, below
 * WORKER_REPORT_LIMITS.
 */
enum {
	WORKER_REPORT_LIMITS = 2, /* messages, recipients */
	WORKER_REPORT_MAX = 1 + sizeof(struct netaddress),
	WORKER_GRANT_LENGTH = 4
};

enum worker_report_kind { WORKER_DONE, WORKER_ASKS, WORKER_BRINGS };

struct worker_report {
	enum worker_report_kind kind;
	uint32_t errors;
	uint32_t unused[WORKER_REPORT_LIMITS];
	unsigned which;
	struct netaddress client;
};

/* Writes one; returns its length. */
size_t worker_report_format(char s[WORKER_REPORT_MAX], struct worker_report const *report);

/* Reads one. Returns 0, or -1 when it is not one. */
int worker_report_parse(struct worker_report *report, char const *s, size_t len);

void worker_grant_format(char s[WORKER_GRANT_LENGTH], uint32_t count);
uint32_t worker_grant_parse(char const s[WORKER_GRANT_LENGTH]);

#endif
