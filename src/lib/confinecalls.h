#ifndef LIB_CONFINECALLS_H
#define LIB_CONFINECALLS_H

/*
 * The system calls, sorted by what they are for. One that is not here is
 * unknown, and is refused as a kernel does that does not know it either.
 */
enum call_class {
	CALL_ALWAYS, /* what any program needs, on descriptors and memory it has */
	CALL_READ,   /* the names are those of confine_may */
	CALL_WRITE,
	CALL_NAMES,
	CALL_INTERNET,
	CALL_ARGUMENTS, /* it depends on an argument: confinefilter.c */
	CALL_PROBE,     /* libc asks for it and does without: refused without a word */
	CALL_RUN,       /* CONFINE_RUN has them; for all others they are an escape */
	CALL_ESCAPE     /* nobody has them */
};

enum { CALL_NONE = -1 }; /* the number of one that this machine does not have */

struct confine_call {
	int number;
	enum call_class class;
	char const *name;
};

/* Ends with a name of NULL. */
extern struct confine_call const confine_calls[];

#endif
