#ifndef TERN_HISTORYWORDS_H
#define TERN_HISTORYWORDS_H

#include <skalibs/stralloc.h>

#include "spool/queued.h"
#include "wire/history.h"

/* Appends a line of the history as a sentence with its time. Returns 1, or 0 without memory. */
int history_words_append(
	stralloc *out, struct queued const *message, struct history_line const *line);

/* Appends the whole of it, and what comes next. */
int history_words_append_all(stralloc *out, struct queued const *message);

#endif
