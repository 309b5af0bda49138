#ifndef SMTPD_LOG_H
#define SMTPD_LOG_H

#include "smtpd/session.h"

/*
 * One line an event:
 *
 *   smtpd: pid 4711 ip=192.0.2.7 event=refuse reason=relay reply="553 ..." ...
 *
 * What the client said stands after its address, in quotes that it can not
 * leave. A line is begun, gets its fields and is written by log_end in one piece.
 */
void log_begin(struct session const *s, char const *event);
void log_word(char const *name, char const *value); /* a word of ours */
void log_number(char const *name, unsigned long long value);
void log_text(char const *name, struct span foreign);    /* name="..." */
void log_address(char const *name, struct span address); /* name=<...> */
void log_end(void);

#endif
