#ifndef REMOTE_SETTINGS_H
#define REMOTE_SETTINGS_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "net/mailhosts.h"
#include "policy/ownnames.h"

/* What the files of control/ say, but for the routes. Read before each connection. */
struct settings {
	struct ownnames own;
	stralloc helohost;        /* what we call ourselves; without the file: me */
	uint64_t timeout_connect; /* control/timeoutconnect, seconds */
	uint64_t timeout_remote;  /* control/timeoutremote, seconds */
	uint64_t logdetail;       /* control/logdetail: 1 logs the conversation */
	struct mailhosts_settings mailhosts;
};

enum { TIMEOUT_CONNECT_DEFAULT = 60, TIMEOUT_REMOTE_DEFAULT = 1200, TIMEOUT_SETTING_MAX = 86400 };

/* Returns 0; or -1 with *why when a file can not be read or is wrong. */
int settings_read(struct settings *settings, stralloc *why);

#endif
