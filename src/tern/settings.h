#ifndef TERN_SETTINGS_H
#define TERN_SETTINGS_H

#include <sys/types.h>

/* What a new instance listens on: "25" on all addresses, or a free loopback port. */
enum settings_listen { LISTEN_STANDARD, LISTEN_LOOPBACK };

/*
 * Writes what is missing of control/: the commented defaults, and in me, locals
 * and smtplisten what fits this host.
 */
void settings_make(enum settings_listen listen);

/*
 * Writes what is missing of alias/: where the mail of postmaster and root goes,
 * at first a Maildir of the alias user, who is named.
 */
void aliases_make(uid_t uid, gid_t gid);

#endif
