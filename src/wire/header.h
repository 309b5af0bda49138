#ifndef WIRE_HEADER_H
#define WIRE_HEADER_H

#include <stddef.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * The header of a message (RFC 5322, LF line ends): lines, fields, and the
 * address lists in them, with the older forms that still occur (RFC 5322, 4).
 * Nothing here understands MIME.
 */

/* The longest name of a field. */
enum { HEADER_NAME_MAX = 256 };

enum header_line {
	HEADER_LINE_FIELD,  /* begins a field */
	HEADER_LINE_FOLDED, /* goes on with the field before it */
	HEADER_LINE_BLANK,  /* ends the header */
	HEADER_LINE_OTHER,  /* can not belong to a header */
	HEADER_LINE_SHORT   /* cannot be told from so few bytes */
};

/* What the line is that begins with these bytes, of which more may follow. */
enum header_line header_line_kind(struct span start);

struct header_field {
	struct span name;  /* without the colon and blanks before it */
	struct span body;  /* what follows the colon, folded as it was, with the last newline */
	struct span whole; /* the whole field */
};

/* Takes the next field off *rest. Returns 1, or 0 where the header ends. */
int header_field_next(struct header_field *field, struct span *rest);

/* Steps through the addresses of a field's body. Start with position 0. */
struct header_addresses {
	struct span body;
	size_t position; /* after HEADER_WRONG: where it stopped making sense */
};

enum header_result {
	HEADER_ADDRESS,
	HEADER_END,
	HEADER_WRONG, /* this is not an address list */
	HEADER_NO_MEMORY
};

struct header_address {
	size_t begin;    /* of the address as it is written, without a source route */
	size_t end;      /* behind its last byte: where a domain can be added */
	int has_domain;  /* whether there is an @ */
	size_t domain;   /* where the domain begins in the plain address; its length without one */
	stralloc *plain; /* the caller's; becomes the address: quotes, comments, blanks removed */
};

/*
 * The next address: of a mailbox, of "Name <address>", of a member of a group;
 * "<>" gives an empty one. An address with a control character is HEADER_WRONG.
 */
enum header_result header_address_next(
	struct header_addresses *list, struct header_address *address);

/* Appends a plain address, quoted where it must be. Returns 1, or 0 without memory. */
int header_address_append(stralloc *sa, struct span plain);

/*
 * Appends a person's name as the phrase before an address: as it is, quoted,
 * or as RFC 2047 has it when it is not ASCII. Control characters become
 * blanks. Returns 1, or 0 without memory.
 */
int header_phrase_append(stralloc *sa, struct span name);

/* Appends the name as a comment, with its parentheses. Returns 1, or 0 without memory. */
int header_comment_append(stralloc *sa, struct span name);

#endif
