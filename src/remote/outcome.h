#ifndef REMOTE_OUTCOME_H
#define REMOTE_OUTCOME_H

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "wire/job.h"
#include "wire/report.h"

/*
 * What became of a job, as SMTP tells it: an answer for each recipient, when
 * it came as far as that, and one for the message as a whole.
 */
struct answer {
	enum verdict verdict;
	int is_settled; /* of a recipient: it stands, whatever becomes of the others */
	size_t len;
	char text[REPORT_TEXT_MAX]; /* printable ASCII; lines end in LF, the last one too */
};

struct outcome {
	size_t recipients;
	int asked; /* whether the recipients' answers count: the server has decided on each */
	/* DELIVERED here means, unless settled: accepted, so that the message's answer decides. */
	struct answer recipient[JOB_RECIPIENTS_MAX];
	struct answer message;
	int settings_refused;   /* a setting that we may not read, or obey; a new worker may */
	stralloc host, address; /* who said it; empty when nobody was tried */
	unsigned port, code;    /* there, 0 for a Unix socket; of its last reply, 0: none */
};

/* Makes ready for a job: no answer of a recipient counts, nobody was tried. */
void outcome_start(struct outcome *outcome, size_t recipients);

/* Nobody was tried, so far. */
void outcome_forget_host(struct outcome *outcome);

/* Sets an answer, its text cut to what it holds, with an LF at its end. */
void answer_set(struct answer *answer, enum verdict verdict, struct span text);

/* The answer that counts for a recipient. */
struct answer const *outcome_answer(struct outcome const *outcome, size_t recipient);

/* From now on the answer that counts for a recipient stands. */
void outcome_settle(struct outcome *outcome, size_t recipient);

/* Whether some recipient's answer is settled. */
int outcome_has_settled(struct outcome const *outcome);

#endif
