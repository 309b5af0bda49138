#ifndef INJECT_NAMES_H
#define INJECT_NAMES_H

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "wire/header.h"

/*
 * The names that complete what people write: control/me, defaulthost,
 * defaultdomain, plusdomain, idhost, or their QMAIL... in the environment.
 */
struct names {
	stralloc me, default_host, default_domain, plus_domain, id_host;
};

#define NAMES_ZERO                                                                                 \
	{                                                                                          \
		STRALLOC_ZERO, STRALLOC_ZERO, STRALLOC_ZERO, STRALLOC_ZERO, STRALLOC_ZERO          \
	}

/* Reads them; the working directory is the home. Returns 0, or -1 with *why. */
int names_load(struct names *names, stralloc *why);

/*
 * What an address lacks, as qmail-inject has it: the last `cut` bytes of its
 * domain go, and *suffix takes their place. An address without a domain gets
 * defaulthost; a domain without a dot gets defaultdomain, and plusdomain when
 * it ends in a plus. What is called me or localhost is complete. Returns 1, or
 * 0 without memory.
 */
int names_missing(struct names const *names, struct span plain, int has_domain, size_t domain,
	stralloc *suffix, size_t *cut);

/* Completes a plain address whose domain, if any, follows its last @. Returns 1, or 0. */
int names_complete(struct names const *names, stralloc *plain);

void names_free(struct names *names);

#endif
