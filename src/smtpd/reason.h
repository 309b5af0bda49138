#ifndef SMTPD_REASON_H
#define SMTPD_REASON_H

#include "lib/span.h"

/*
 * Why something was refused, in one word for programs that read the log: one of
 *
 *   access blocklist early errors helo limit lookup loop proxy queue rate recipient
 *   relay sender slow stop syntax system text unknown
 *
 * The word that a reply has by its enhanced status code, where nobody gave it another.
 */
char const *reason_of_reply(char const *reply);

#endif
