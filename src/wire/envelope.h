#ifndef WIRE_ENVELOPE_H
#define WIRE_ENVELOPE_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * The envelope: records of a letter, a value and a NUL. As a client of the
 * queue gives it, it is qmail-queue's: one F, then any number of T, then one
 * more NUL; other records may stand before the F, and those of one recipient
 * right before its T. As an entry of the queue keeps it, the records that the
 * queue itself knows come first.
 *
 *   u uid   p pid       who handed it in (decimal), by which queue process
 *   v via               how it came: "network", "local", "bounce"
 *   h name  a address   the client's HELO name and network address
 *   n name              the name that belongs to that address, by DNS both ways
 *   w protocol          SMTP, ESMTP, ...: the "with" of the Received line
 *   b type              body type: 7 or 8 ("8" asks for 8BITMIME)
 *   U (empty)           the message needs SMTPUTF8 (RFC 6531)
 *   P priority          -9 to 9, as MT-PRIORITY has it (RFC 6710); nothing goes by it yet
 *   R ret  E envid      what the sender wants in notices (RFC 3461: FULL or HDRS;
 *                       an identifier), as SMTP carries it, so E in xtext
 *   F sender   T recipient
 *   N notify  O orcpt   before the T they are about: NEVER, or a list of SUCCESS,
 *                       FAILURE, DELAY; the original recipient, in xtext
 *
 * Records with other letters are kept and mean nothing here.
 */

/* The longest address, as in qmail; a recipient or sender of this or more is refused. */
enum { ADDRESS_LIMIT = 1003 };

/* The most that one record but F and T may hold. */
enum { ENVELOPE_VALUE_MAX = 1023 };

/* The highest priority; the lowest is its negative (RFC 6710, section 2). */
enum { PRIORITY_MAX = 9 };

enum body_type { BODY_7BIT, BODY_8BIT };

struct envelope {
	struct span sender;
	struct span via, helo, address, protocol; /* empty when not said */
	uint64_t uid, pid;
	enum body_type body;
	int smtputf8;
	int priority;                 /* 0 when not said, or when what is said is none */
	struct span ret, envelope_id; /* R and E; empty when not said, and not checked */
	uint64_t recipients;          /* how many */
	struct span records;          /* all of the envelope, for envelope_recipient_next */
};

/*
 * Parses a whole stored envelope (without the NUL that ends a client's one).
 * The spans look into s. Returns 0, or -1 when it is not one: no F or two, a
 * recipient before F, a record without its NUL, an address over the limit, a
 * number that is none.
 */
int envelope_parse(struct envelope *envelope, char const *s, size_t len);

/*
 * Steps through the recipients of a parsed envelope. *position is 0 at first.
 * Returns 1 and the next recipient, or 0 after the last.
 */
int envelope_recipient_next(
	struct envelope const *envelope, size_t *position, struct span *recipient);

/* Takes the next record of any letter off *rest. Returns 1; 0 at the end; -1 when it is not one. */
int envelope_record_next(struct span *rest, char *letter, struct span *value);

/* Appends a record. Returns 1, or 0 without memory. The value must hold no NUL. */
int envelope_append(stralloc *sa, char letter, struct span value);

/*
 * Checks a client's envelope as it arrives, in pieces of any size, so that
 * none of it need be kept. Start with ENVELOPE_CHECK_ZERO.
 */
enum envelope_state {
	ENVELOPE_BEFORE_SENDER,
	ENVELOPE_IN_RECORD, /* of what comes before the sender */
	ENVELOPE_IN_SENDER,
	ENVELOPE_BEFORE_RECIPIENT,
	ENVELOPE_IN_EXTRA, /* a record of the next recipient */
	ENVELOPE_IN_RECIPIENT,
	ENVELOPE_COMPLETE,
	ENVELOPE_TOO_LONG, /* exit 11 */
	ENVELOPE_WRONG     /* exit 91 */
};

struct envelope_check {
	enum envelope_state state;
	size_t value_len;
	uint64_t recipients;
};

#define ENVELOPE_CHECK_ZERO                                                                        \
	{                                                                                          \
		ENVELOPE_BEFORE_SENDER, 0, 0                                                       \
	}

/*
 * Takes len more bytes. Returns the state after them; the last three are
 * final. *kept says how many of the bytes belong to the envelope as it is
 * stored: all but the NUL that completes it and what follows.
 */
enum envelope_state envelope_check(
	struct envelope_check *check, char const *s, size_t len, size_t *kept);

#endif
