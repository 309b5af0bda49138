#ifndef BOUNCE_ORIGINAL_H
#define BOUNCE_ORIGINAL_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "wire/delivery.h"
#include "wire/envelope.h"
#include "wire/notice.h"

/* The largest envelope and history that are read; queue and send stay far below. */
enum { ORIGINAL_RECORDS_MAX = 1 << 30, ORIGINAL_HISTORY_MAX = 1 << 30 };

/* The message that is told of. send has verified it; we have only descriptors. */
struct original {
	int fd;
	uint64_t length; /* of the message, the start of the file */
	stralloc records;
	struct envelope envelope; /* looks into records */
	stralloc history;
	struct delivery_list deliveries; /* look into both */
};

#define ORIGINAL_ZERO                                                                              \
	{                                                                                          \
		.fd = -1, .records = STRALLOC_ZERO, .history = STRALLOC_ZERO                       \
	}

/*
 * Reads what is known from the two descriptors, which stay the caller's. The
 * entry must stay open while *original is used. Returns NULL, or what is wrong.
 */
char const *original_read(struct original *original, int entry, int history);

void original_free(struct original *original);

/* Steps through the recipients that a notice of this kind is about; NULL after the last. */
struct concerned {
	struct original const *original;
	enum notice_kind kind;
	uint64_t next; /* number of the next recipient */
};

struct concerned concerned_of(struct original const *original, enum notice_kind kind);
struct delivery const *concerned_next(struct concerned *concerned);

#endif
