#ifndef BOUNCE_PARTS_H
#define BOUNCE_PARTS_H

#include "bounce/notice.h"

/*
 * The pieces that notice_write puts together. Each appends, and returns 1, or 0
 * without memory. message: as notice_write has it.
 */
int words_opening_append(stralloc *sa, struct notice const *notice, struct settings const *settings,
	uint64_t message);
int words_recipient_append(
	stralloc *sa, struct notice const *notice, struct delivery const *delivery);

int status_message_append(stralloc *sa, struct original const *original,
	struct settings const *settings, uint64_t message);
int status_recipient_append(stralloc *sa, struct notice const *notice,
	struct delivery const *delivery, struct settings const *settings, uint64_t message);

/* "NAME: DATE". */
int date_append(stralloc *sa, char const *name, uint64_t seconds);

/* An address as a header has it, without what could end a line. */
int header_address_append_clean(stralloc *sa, struct span address);

#endif
