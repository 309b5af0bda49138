#ifndef LOCAL_DELIVER_H
#define LOCAL_DELIVER_H

#include <skalibs/stralloc.h>

#include "local/mail.h"

enum deliver_mode {
	DELIVER_REALLY,
	DELIVER_DRY /* only append to *text what would be done */
};

/*
 * Delivers one message as the recipient's instructions say, in their order,
 * the forwards last. It stops at the first instruction that fails; what was
 * done before stays done, and is done again at the next attempt. *text gets
 * what there is to say: for DELIVERED what the programs said and the line
 * "did FILES+FORWARDS+PROGRAMS".
 */
enum verdict deliver(struct mail *mail, enum deliver_mode mode, stralloc *text);

#endif
