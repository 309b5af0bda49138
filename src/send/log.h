#ifndef SEND_LOG_H
#define SEND_LOG_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/span.h"
#include "wire/notice.h"
#include "wire/order.h"
#include "wire/report.h"

/*
 * The log, on standard error: qmail-send's lines byte for byte, which programs
 * parse (tern-log(5)). Lines are gathered and leave with log_flush, before
 * send sleeps.
 */
void log_new_message(uint64_t id);
void log_info(uint64_t id, uint64_t bytes, struct span sender, uint64_t qp, uint64_t uid);
void log_starting(uint64_t delivery, uint64_t id, int local, struct span address);
void log_delivery(uint64_t delivery, enum verdict verdict, struct span text);

/* "attempt msg ID: ...": what an attempt by the network was like. */
void log_attempt(uint64_t id, uint64_t delivery, struct report const *report);
void log_report_mangled(uint64_t delivery);
void log_bounce(uint64_t id, struct span bounce_id, struct span qp);
void log_triple_bounce(uint64_t id);
void log_bounce_unwanted(uint64_t id);

/* "delay notice of msg ID is msg ID2", or "success notice". */
void log_notice(uint64_t id, enum notice_kind kind, struct span notice_id);
void log_end(uint64_t id);

/* "order msg ID: WORD by uid N": what an administrator wanted of it. */
void log_order(uint64_t id, enum order order, uid_t by);
void log_status(
	unsigned local, uint64_t local_max, unsigned remote, uint64_t remote_max, int exiting);
void log_exiting(void);

/* "warning: TEXT DETAIL": something to look at. "alert: ...": something to mend. */
void log_warning(char const *text, struct span detail);
void log_alert(char const *text, struct span detail);

/* The same for one message: "warning: msg ID: TEXT DETAIL". */
void log_message_warning(uint64_t id, char const *text, struct span detail);

void log_flush(void);

#endif
