#ifndef WIRE_SUBMISSION_H
#define WIRE_SUBMISSION_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * How a client hands messages to the queue service, over a stream socket that
 * stays open for the next one. Frames of a letter, a length of four bytes (big
 * endian) and that many bytes:
 *
 *   O  origin: envelope records v h a n w, once, first; believed only from those
 *      whose business it is (wire/envelope.h says what the letters mean)
 *   M  a piece of the message, any number of times
 *   E  a piece of the envelope as qmail-queue reads it, any number of times;
 *      the submission ends with the NUL that completes it
 *   R  asks how much room there is; between two messages, without bytes
 *
 * The answer to a message, and to a question, is one line of at most SUBMISSION_ANSWER_MAX bytes:
 *
 *   CODE TEXT\n
 *
 * the exit code of qmail-queue (0: it is on disk; wire/queueexit.h), and words
 * for a person; for code 0 they are "ID PID", or of a question how many bytes a
 * message may have now.
 */
enum {
	SUBMISSION_FRAME_MAX = 64 * 1024, /* bytes in one frame */
	SUBMISSION_HEADER = 5,
	SUBMISSION_ANSWER_MAX = 320
};

enum submission_frame {
	FRAME_ORIGIN = 'O',
	FRAME_MESSAGE = 'M',
	FRAME_ENVELOPE = 'E',
	FRAME_ROOM = 'R'
};

void submission_header_format(
	char header[SUBMISSION_HEADER], enum submission_frame frame, size_t len);

/* Returns 0; or -1 when the letter is unknown or the length over the limit. */
int submission_header_parse(
	enum submission_frame *frame, size_t *len, char const header[SUBMISSION_HEADER]);

struct submission_answer {
	int code;
	struct span text;
};

/* Appends the line, its text cleaned and cut. Returns 1, or 0 without memory. */
int submission_answer_format(stralloc *sa, struct submission_answer const *answer);

/* Reads a line, with or without its newline. Returns 0, or -1 when it is not an answer. */
int submission_answer_parse(struct submission_answer *answer, char const *s, size_t len);

#endif
