#ifndef SMTPD_PROXY_H
#define SMTPD_PROXY_H

#include "smtpd/session.h"

enum { PROXY_TIMEOUT = 10 }; /* seconds for the whole header */

/*
 * For a connection of one of control/proxyhosts: reads the header of the PROXY
 * protocol, which must come before all else, and makes s->client the one it
 * names. Returns 0; or -1 when there is none, and the session has ended.
 */
int proxy_header_take(struct session *s);

#endif
