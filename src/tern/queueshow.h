#ifndef TERN_QUEUESHOW_H
#define TERN_QUEUESHOW_H

#include <skalibs/stralloc.h>

#include "spool/queued.h"

/* Appends all about a message: envelope, recipients, history. Returns 1, or 0 without memory. */
int message_show(stralloc *out, struct queued const *message);

/* The same as an object in JSON, without a line end. */
int message_object(stralloc *out, struct queued const *message);

#endif
