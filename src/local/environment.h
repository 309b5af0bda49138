#ifndef LOCAL_ENVIRONMENT_H
#define LOCAL_ENVIRONMENT_H

#include <skalibs/stralloc.h>

#include "local/mail.h"

/* The environment of a program: qmail's variables, a plain PATH, TERNHOME; nothing is inherited. */
enum { ENVIRONMENT_MAX = 32 };

struct environment {
	stralloc text;
	char const *list[ENVIRONMENT_MAX + 1];
};

/* Makes it for this message. Returns 1, or 0 without memory. */
int environment_make(struct environment *environment, struct mail const *mail);

#endif
