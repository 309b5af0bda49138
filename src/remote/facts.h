#ifndef REMOTE_FACTS_H
#define REMOTE_FACTS_H

#include <stddef.h>

#include "remote/outcome.h"

/*
 * What the attempt under way is like, for the log: where its time goes, and how
 * much text it has sent. There is one at a time.
 */
enum facts_stage { FACTS_OTHER, FACTS_DNS, FACTS_CONNECT, FACTS_TRANSFER, FACTS_STAGES };

/* An attempt begins. */
void facts_start(void);

/* From now on time is spent on that. */
void facts_enter(enum facts_stage stage);

/* Text of the message has gone out. */
void facts_sent(size_t bytes);

/* The attempt has ended so. */
struct attempt_facts const *facts_end(struct outcome const *outcome);

#endif
