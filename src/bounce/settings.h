#ifndef BOUNCE_SETTINGS_H
#define BOUNCE_SETTINGS_H

#include <stdint.h>

#include <skalibs/stralloc.h>

/* What bounces need of control/. Read for each: they are rare, and a change holds at once. */
struct settings {
	stralloc me;
	stralloc from;           /* bouncefrom@bouncehost */
	stralloc double_to;      /* doublebounceto@doublebouncehost */
	uint64_t queuelifetime;  /* seconds: what is late is tried so long */
	uint64_t original_bytes; /* of larger originals only the header is returned */
};

#define SETTINGS_ZERO                                                                              \
	{                                                                                          \
		STRALLOC_ZERO, STRALLOC_ZERO, STRALLOC_ZERO, 0, 0                                  \
	}

/* Returns 0, or -1 with *why. */
int settings_read(struct settings *settings, stralloc *why);

void settings_free(struct settings *settings);

#endif
