#ifndef INJECT_AUTHOR_H
#define INJECT_AUTHOR_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "inject/names.h"
#include "inject/request.h"

/*
 * Who writes, by the command line, the environment as qmail-inject reads it,
 * and the account; and the letters of QMAILINJECT.
 */
struct author {
	stralloc address;       /* for a From that is missing */
	stralloc name;          /* may be empty */
	stralloc sender;        /* of the envelope, where the message and the request say none */
	int as_comment;         /* c: "address (name)" */
	int ignore_return_path; /* s */
	int replace_from;       /* f */
	int replace_message_id; /* i */
};

#define AUTHOR_ZERO                                                                                \
	{                                                                                          \
		STRALLOC_ZERO, STRALLOC_ZERO, STRALLOC_ZERO, 0, 0, 0, 0                            \
	}

/* Finds it out; exits when that fails. now: microseconds since 1970. */
void author_find(struct author *author, struct request const *request, struct names const *names,
	uint64_t now);

void author_free(struct author *author);

/*
 * The sender that -f names, completed: empty for the null sender. Exits when
 * it is no address.
 */
void author_sender_said(stralloc *sender, char const *said, struct names const *names);

#endif
