#ifndef WIRE_DEFERRAL_H
#define WIRE_DEFERRAL_H

#include <stdint.h>

#include "lib/span.h"
#include "wire/report.h"

/*
 * What kind of trouble the words of a deferral speak of, so that control/retry
 * can have a rule for it.
 */
enum deferral_class {
	DEFERRAL_OTHER,    /* trouble of our own, or what nothing below fits */
	DEFERRAL_CONNECT,  /* nobody answered there, or the connection was lost */
	DEFERRAL_DNS,      /* DNS gave no answer */
	DEFERRAL_GREYLIST, /* a server that wants to see us again */
	DEFERRAL_REPLY,    /* another 4xx reply */
	DEFERRAL_CLASSES
};

enum deferral_class deferral_classify(enum verdict verdict, struct span text);

/* Whether the words say that nobody answered at all, or that there is too much going on (421). */
int deferral_is_unreachable(struct span text);
int deferral_is_crowded(struct span text);

/* The word of a class in control/retry; "" for DEFERRAL_OTHER. */
char const *deferral_class_name(enum deferral_class class);

/*
 * The seconds after which a server asks to be tried again ("try again in 5
 * minutes", "retry after 300 seconds", "300s", "00:05:00"); 0 when it does not
 * say. Never more than DEFERRAL_HINT_MAX.
 */
enum { DEFERRAL_HINT_MAX = 3600 };
uint32_t deferral_hint(struct span text);

#endif
