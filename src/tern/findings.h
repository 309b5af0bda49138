#ifndef TERN_FINDINGS_H
#define TERN_FINDINGS_H

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * What a check has found, printed as it comes: "error: control/retry:3: what:
 * fix", or as an object of JSON in one list.
 */
enum finding_level {
	FINDING_NOTE,    /* good to know */
	FINDING_WARNING, /* it works, but hardly as it was meant */
	FINDING_ERROR    /* a program does not start, or mail waits */
};

enum findings_form { FINDINGS_TEXT, FINDINGS_JSON };

void findings_begin(enum findings_form form);

/* file may be NULL, line 0, what is foreign, fix may be NULL. */
void finding_add(enum finding_level level, char const *file, unsigned line, struct span what,
	char const *fix);

/*
 * The lines of *why, each as control_complain makes them ("file:line: what"),
 * which is empty afterwards.
 */
void finding_add_complaints(enum finding_level level, stralloc *why, char const *fix);

/* Exit codes: nothing or notes only; warnings; errors. */
enum { FINDINGS_GOOD = 0, FINDINGS_WARNINGS = 1, FINDINGS_ERRORS = 100 };

/* Returns one of them. */
int findings_end(void);

#endif
