#ifndef WIRE_REPORT_H
#define WIRE_REPORT_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "wire/job.h"

/*
 * A worker's answer to one job, one packet: one verdict for each recipient, in
 * the job's order. send takes nothing else from a worker, and these texts only
 * cleaned and cut.
 */
enum verdict {
	VERDICT_DELIVERED, /* 'K' */
	VERDICT_DEFERRED,  /* 'Z': the destination refused for now; counts as an attempt */
	VERDICT_FAILED,    /* 'D': the destination refused for good, or the address can not exist */
	VERDICT_TROUBLE    /* 'T': our own or DNS trouble; temporary, and not counted */
};

/* How far a recipient has come that was delivered; it matters to RFC 3461 alone. */
enum handover {
	HANDOVER_FINAL,   /* 'K': its mailbox has it */
	HANDOVER_RELAYED, /* 'R': a server that does not know DSN */
	HANDOVER_PASSED,  /* 'P': a server that does, and was told what the sender wants */
	HANDOVER_EXPANDED /* 'E': a new message to other addresses */
};

/* The letter of a verdict, and back: returns 0, or -1 when it is none. */
char verdict_letter(enum verdict verdict);
int verdict_parse(enum verdict *verdict, char letter);

enum { REPORT_TEXT_MAX = 512, REPORT_PACKET_MAX = 128 * 1024 };

/* As much of a text as a report carries: up to the limit, or a NUL. */
struct span report_text(struct span text);

/* What an attempt by the network was like, for the log. */
struct attempt_facts {
	uint64_t port;                   /* 0: nobody was tried, or a Unix socket */
	uint64_t code;                   /* of the last reply; 0: none */
	uint64_t dns, connect, transfer; /* milliseconds; connect: until EHLO is answered */
	uint64_t bytes;                  /* of the text that went out */
};

struct report {
	uint64_t number;
	struct span host, address; /* who said it; empty when nobody was tried */
	size_t recipients;
	struct {
		enum verdict verdict;
		enum handover handover; /* when DELIVERED */
		struct span text;
	} recipient[JOB_RECIPIENTS_MAX];
	int has_facts; /* tern-remote says how it was */
	struct attempt_facts facts;
};

/* Appends the report as one packet; texts are cut to the limit. Returns 1, or 0 without memory. */
int report_format(stralloc *sa, struct report const *report);

/* Reads a packet; the spans look into s. Returns 0, or -1 when it is not a report. */
int report_parse(struct report *report, char const *s, size_t len);

#endif
