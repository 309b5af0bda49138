#ifndef WIRE_NOTICE_H
#define WIRE_NOTICE_H

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "wire/delivery.h"

/*
 * Which notices a sender gets, about which recipients (RFC 3461, 4.1 and 5.2;
 * RFC 5321, 4.5.5): the one place that says so, for tern-send, which asks for
 * them, and tern-bounce, which writes them.
 *
 * A message without a sender is itself a notice, and one of ours from "#@[]" is
 * about such a one: of neither is anything told but failure, to the postmaster,
 * and of the latter nothing.
 */
enum notice_kind {
	NOTICE_FAILURE, /* 'F': what has failed for good */
	NOTICE_SUCCESS, /* 'S': what was delivered, where the sender asked for that */
	NOTICE_DELAY    /* 'W': what is late, unless the sender wants that not told */
};

enum { NOTICE_KINDS = 3 };

/* The letter of a kind, and back: returns 0, or -1 when it is none. */
char notice_letter(enum notice_kind kind);
int notice_kind_parse(enum notice_kind *kind, char letter);

/* Whether the recipient is in the state that such a notice is about, wanted or not. */
int notice_fits(enum notice_kind kind, struct delivery const *d);

/* Whether it is, and the sender wants to be told. */
int notice_concerns(enum notice_kind kind, struct delivery const *d, struct span sender);

/* Whether a message of this sender that goes to such a recipient is to be told of as delivered. */
int notice_of_success_is_wanted(struct span notify, struct span sender);

/*
 * Appends the address that notices to this sender go to. As in qmail, what
 * stands for a sender of its own for each recipient ("list-owner-@host-@[]")
 * loses what says so ("list-owner-@host"). Empty: the postmaster's. Returns 1,
 * or 0 without memory.
 */
int notice_address_append(stralloc *sa, struct span sender);

#endif
