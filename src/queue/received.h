#ifndef QUEUE_RECEIVED_H
#define QUEUE_RECEIVED_H

#include <stdint.h>
#include <time.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"

enum { RECEIVED_NAME_MAX = 255 }; /* RFC 5321, 4.5.3.1.2 */

/* How a message came to us. */
enum origin_kind { ORIGIN_LOCAL, ORIGIN_ALIAS, ORIGIN_NETWORK, ORIGIN_BOUNCE };

struct origin {
	enum origin_kind kind;
	uint64_t uid;
	/* Of ORIGIN_NETWORK; a stranger's words; may be empty. */
	struct span helo, address, name, protocol;
};

/* What stands in the "v" record of the envelope. */
struct span origin_via(struct origin const *origin);

/*
 * Appends the Received field, with its newline: what the stranger said only as
 * far as it can not be taken for a part of the field's own grammar. Returns 1,
 * or 0 without memory.
 */
int received_append(stralloc *sa, struct origin const *origin, struct span me, uint64_t pid,
	uint64_t id, time_t when);

/* Whether s can stand as a domain or an address literal in the field. */
int received_name_is_plausible(struct span s);

#endif
