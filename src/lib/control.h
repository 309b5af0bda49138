#ifndef LIB_CONTROL_H
#define LIB_CONTROL_H

#include <stdint.h>

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * Files of control/ in qmail's form: one value on the first line, or a list of
 * lines where blank lines and lines that begin with # do not count. Blanks at
 * the end of a line are cut off. The working directory is the home.
 *
 * A name with a slash is the path of a file elsewhere, for tools that look at
 * one before it becomes a setting.
 *
 * Functions that return -1 append to *why one sentence for a person, beginning
 * with the file and where it makes sense the line ("control/retry:3: ...").
 */

/* A control file larger than this is refused. */
enum { CONTROL_FILE_MAX = 64 * 1024 * 1024 };

struct control_line {
	struct span text;
	unsigned number; /* counted from 1 */
};

struct control_list {
	stralloc text;  /* the file; the lines look into it */
	genalloc lines; /* struct control_line */
};

#define CONTROL_LIST_ZERO                                                                          \
	{                                                                                          \
		STRALLOC_ZERO, GENALLOC_ZERO                                                       \
	}

/* Reads control/name. Returns 1, 0 when there is no such file, or -1. */
int control_list_read(struct control_list *list, char const *name, stralloc *why);

size_t control_list_length(struct control_list const *list);
struct control_line const *control_list_line(struct control_list const *list, size_t i);
void control_list_free(struct control_list *list);

/*
 * Reads the first line of control/name into *value, ended by a NUL that len
 * does not count. Returns 1; 0 when there is no such file or its first line is
 * empty, and *value is then fallback (which may be NULL: empty); or -1.
 */
int control_value_read(stralloc *value, char const *name, char const *fallback, stralloc *why);

/*
 * Reads control/name as a number, or a duration in seconds, from min to max.
 * Without the file *value is fallback. Returns 0, or -1.
 */
int control_number_read(uint64_t *value, char const *name, uint64_t fallback, uint64_t min,
	uint64_t max, stralloc *why);
int control_duration_read(uint64_t *seconds, char const *name, uint64_t fallback, uint64_t min,
	uint64_t max, stralloc *why);

/* Appends "control/NAME:LINE: text: what" to *why (without ":LINE" when line is 0); returns -1. */
int control_complain(
	stralloc *why, char const *name, unsigned line, char const *text, struct span what);

/* The name of this host as tern says it: control/me. Returns 0, or -1 when it can not be had. */
int control_me(stralloc *me, stralloc *why);

#endif
