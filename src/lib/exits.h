#ifndef LIB_EXITS_H
#define LIB_EXITS_H

/*
 * The exit codes that our programs share. tern-queue has its own table
 * (wire/queueexit.h), the sendmail command answers with sysexits(3).
 */
enum {
	EXIT_OK = 0,
	EXIT_PERMANENT = 100, /* wrong use or wrong configuration: do not start me again as I am */
	EXIT_TEMPORARY = 111  /* the system failed us: starting again may help */
};

#endif
