#ifndef WIRE_DOTQMAIL_H
#define WIRE_DOTQMAIL_H

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * A .qmail file: one instruction a line, as in qmail. Blanks and tabs at the
 * end of a line do not count.
 *
 *   # anything       a comment; a blank line is one too, but not as the first
 *   |command         run it with the message
 *   &address         forward; the & may be left out where nothing else is meant
 *   ./path /path     append to an mbox; with a slash at the end: into a Maildir
 *   +list            what follows may only forward; other words after + mean nothing
 */
enum {
	DOTQMAIL_FILE_MAX = 256 * 1024, /* bytes; a larger file is refused whole */
	DOTQMAIL_LINE_MAX = 16 * 1024,  /* bytes without the newline */
	DOTQMAIL_FORWARDS_MAX = 5000    /* in one file */
};

enum dotqmail_kind {
	DOTQMAIL_COMMENT,
	DOTQMAIL_PROGRAM, /* text: the command */
	DOTQMAIL_FORWARD, /* text: the address */
	DOTQMAIL_MBOX,    /* text: the path */
	DOTQMAIL_MAILDIR, /* text: the path with its slash */
	DOTQMAIL_FORWARDS_ONLY,
	DOTQMAIL_BLANK_FIRST, /* the owner's way to say: later */
	DOTQMAIL_WRONG        /* a NUL, a line or an address over its limit; text: what is wrong */
};

struct dotqmail {
	struct span rest;
	unsigned line; /* the number of the line taken last, counted from 1; 0 at first */
};

struct dotqmail_line {
	enum dotqmail_kind kind;
	struct span text; /* looks into the file, or is a constant */
};

/* Takes the next line. Returns 1, or 0 after the last. */
int dotqmail_next(struct dotqmail *file, struct dotqmail_line *line);

/*
 * Appends the part of a file's name that an extension stands for: lower case,
 * and no byte that could lead out of the directory or hide in it: dots and
 * slashes become colons. Returns 1, or 0 without memory.
 */
int dotqmail_append_name(stralloc *sa, struct span extension);

#endif
