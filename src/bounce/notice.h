#ifndef BOUNCE_NOTICE_H
#define BOUNCE_NOTICE_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "bounce/original.h"
#include "bounce/settings.h"
#include "service/submit.h"

/*
 * Whom a notice goes to. A message without a sender is itself a notice: the
 * one about it (a double bounce) goes to the postmaster, with the sender
 * "#@[]", by which a failure of that one in turn is known and told to nobody.
 */
enum reader { READER_NONE, READER_SENDER, READER_POSTMASTER };

struct notice {
	enum notice_kind kind;
	enum reader reader;
	stralloc recipient;
	struct span sender; /* of the notice */
	int whole;          /* the original goes back whole, not only its header */
	uint64_t returned;  /* so many bytes of it */
	int eight_bit;      /* there are 8-bit bytes in what goes back */
	char boundary[33];
};

#define NOTICE_ZERO                                                                                \
	{                                                                                          \
		NOTICE_FAILURE, READER_NONE, STRALLOC_ZERO, {NULL, 0}, 0, 0, 0, ""                 \
	}

/* The most of a header that goes back. */
enum { NOTICE_HEADER_MAX = 64 * 1024 };

/* Decides all of a notice of this kind. Returns NULL, or what is wrong. */
char const *notice_plan(struct notice *notice, enum notice_kind kind,
	struct original const *original, struct settings const *settings);

/* Where a notice is written: to a submission, or to a descriptor when that is NULL. */
struct notice_output {
	struct submit *submit;
	int fd;
	int failed; /* to write to the descriptor, or for want of memory, or to read the original */
};

/* Writes the whole message. message: the id of the original, the time of its arrival; 0: unknown.
 */
void notice_write(struct notice_output *output, struct notice const *notice,
	struct original const *original, struct settings const *settings, uint64_t message);

/* Appends its envelope, without the NUL that ends it. Returns 1, or 0 without memory. */
int notice_envelope(stralloc *envelope, struct notice const *notice);

#endif
