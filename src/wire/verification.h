#ifndef WIRE_VERIFICATION_H
#define WIRE_VERIFICATION_H

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "wire/envelope.h"

/*
 * tern-smtpd asks tern-verify whether a local address can exist: one question
 * and one answer on a connection.
 *
 *   question   R local NUL   the local part, as local delivery gets it
 *   answer     Y NUL         there is such a mailbox, or what says so can not be seen
 *              N NUL         there is none
 *              T text NUL    it can not be said now
 */
enum {
	VERIFICATION_TEXT_MAX = 500,
	VERIFICATION_QUESTION_MAX = ADDRESS_LIMIT + 2,
	VERIFICATION_ANSWER_MAX = VERIFICATION_TEXT_MAX + 2
};

enum verification { VERIFICATION_YES, VERIFICATION_NO, VERIFICATION_TROUBLE };

/* Append one of them. Return 1, or 0 without memory. The text is cleaned and cut; else empty. */
int verification_question_format(stralloc *sa, struct span local);
int verification_answer_format(stralloc *sa, enum verification verification, struct span text);

/*
 * Read a whole one, its NUL included; the spans look into s. Return 0, or -1
 * when it is not one: nothing or too much after the letter, a local part that
 * is empty or of ADDRESS_LIMIT and more.
 */
int verification_question_parse(struct span *local, char const *s, size_t len);
int verification_answer_parse(
	enum verification *verification, struct span *text, char const *s, size_t len);

#endif
