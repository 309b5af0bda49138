#ifndef TERN_CHECKTABLE_H
#define TERN_CHECKTABLE_H

#include <stdint.h>

/* What each file of control/ holds, for who checks it. */
enum setting_kind {
	SETTING_NAME,     /* the name of a host, one value */
	SETTING_TEXT,     /* any value */
	SETTING_NUMBER,   /* from min to max */
	SETTING_DURATION, /* the same, in seconds */
	SETTING_RATE,     /* count/time */
	SETTING_DOMAINS,  /* a list of domains and .suffixes */
	SETTING_LIST,     /* another list, which its program reads */
	SETTING_SPECIAL,  /* with a check of its own: checkcontrol.c */
	SETTING_COMPILED  /* not for people */
};

struct setting {
	char const *name;
	enum setting_kind kind;
	uint64_t min, max;
};

/* Ends with a name of NULL. The ranges are those of tern-control(5). */
extern struct setting const checktable[];

/* NULL when nothing reads a file of this name. */
struct setting const *checktable_find(char const *name);

/* The name most like it, if one or two letters are the difference; or NULL. */
char const *checktable_nearest(char const *name);

#endif
