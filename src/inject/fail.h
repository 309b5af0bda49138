#ifndef INJECT_FAIL_H
#define INJECT_FAIL_H

/*
 * How this program ends when it can not do what it was asked. The sendmail
 * command answers with the codes of sysexits(3), tern-inject with qmail's.
 */
enum failure {
	FAIL_USAGE,       /* 64, 100: the command line */
	FAIL_DATA,        /* 65, 100: the message */
	FAIL_UNAVAILABLE, /* 69, 100: the queue refuses it for good */
	FAIL_SOFTWARE,    /* 70, 111: a fault of tern */
	FAIL_SYSTEM,      /* 71, 111: memory, processes */
	FAIL_IO,          /* 74, 111: reading or writing broke off */
	FAIL_LATER,       /* 75, 111: the queue can not take it now */
	FAIL_PERMISSION,  /* 77, 100 */
	FAIL_CONFIG       /* 78, 111: control/ is wrong */
};

enum fail_dialect { FAIL_AS_INJECT, FAIL_AS_SENDMAIL };

/* Sets the name that messages begin with, and the codes. At the start. */
void fail_init(char const *program, enum fail_dialect dialect);

/* The exit code of a failure. */
int fail_code(enum failure failure);

/* Says "program: fatal: " and the strings up to a NULL, on one line, and exits. */
_Noreturn void fail(enum failure failure, ...);

_Noreturn void fail_memory(void);

#endif
