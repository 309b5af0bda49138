#ifndef QREAD_FORMAT_H
#define QREAD_FORMAT_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "spool/queued.h"

/*
 * The forms of a listing. Each appends to *out; they return 1, or 0 without
 * memory. Foreign bytes are cleaned.
 */
struct format_totals {
	uint64_t messages, bytes;
};

struct format {
	int (*message)(
		stralloc *out, struct queued const *message, struct format_totals const *before);
	int (*end)(stralloc *out, struct format_totals const *totals);
};

/* qmail-qread's: a line a message, a line a recipient. */
extern struct format const format_qread;

/* What Postfix's mailq prints, with the next try added; scripts read its last line. */
extern struct format const format_mailq;

/* One object in JSON a line a message. */
extern struct format const format_json;

/* Where recipients are delivered: "local" or "remote", by control/locals and the like. */
int format_locality_load(stralloc *why);
char const *format_locality(struct span recipient);

#endif
