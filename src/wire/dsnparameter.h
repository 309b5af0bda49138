#ifndef WIRE_DSNPARAMETER_H
#define WIRE_DSNPARAMETER_H

#include <skalibs/stralloc.h>

#include "lib/span.h"

/*
 * The values of the parameters of RFC 3461, 4, by which a sender says what
 * notices it wants. The envelope keeps them as records R E N O.
 */
enum { DSN_ENVID_MAX = 100, DSN_ORCPT_MAX = 500 };

enum dsn_notify { DSN_NEVER = 1, DSN_SUCCESS = 2, DSN_FAILURE = 4, DSN_DELAY = 8 };

/* RET: whether it is FULL or HDRS. */
int dsn_ret_is_good(struct span value);

/* ENVID: 1 to DSN_ENVID_MAX bytes of xtext that stand for printable ASCII. */
int dsn_envid_is_good(struct span value);

/*
 * NOTIFY: NEVER, or a list of SUCCESS, FAILURE and DELAY, each once. Returns 0
 * and the sum of enum dsn_notify, or -1.
 */
int dsn_notify_parse(unsigned *notify, struct span value);

/* Appends it in its one written form. Returns 1, or 0 without memory. */
int dsn_notify_append(stralloc *sa, unsigned notify);

/*
 * ORCPT: a type of address, a semicolon, the address in xtext, at most
 * DSN_ORCPT_MAX bytes. With utf8 an address of the type utf-8 may also stand
 * there in UTF-8 (RFC 6533, 3).
 */
int dsn_orcpt_is_good(struct span value, int utf8);

#endif
