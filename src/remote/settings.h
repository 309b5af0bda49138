#ifndef REMOTE_SETTINGS_H
#define REMOTE_SETTINGS_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "net/mailhosts.h"
#include "policy/ownnames.h"
#include "policy/timeouts.h"

/*
 * What the files of control/ say, but for the routes. Read before a connection,
 * but no more than once a second.
 */
struct settings {
	struct ownnames own;
	stralloc helohost;        /* what we call ourselves; without the file: me */
	uint64_t timeout_connect; /* control/timeoutconnect, seconds */
	uint64_t timeout_remote;  /* control/timeoutremote, seconds */
	struct timeouts timeouts; /* control/timeoutphases */
	uint64_t messages;        /* control/remotemessages: of one session */
	uint64_t session_seconds; /* control/remotesession: then a session takes no more */
	uint64_t chunking;        /* control/remotechunking: 0 never says BDAT */
	uint64_t eightbit;        /* control/remote8bit: 0 sends no 8-bit text without 8BITMIME */
	uint64_t logdetail;       /* control/logdetail: 1 logs the conversation */
	struct mailhosts_settings mailhosts;
};

enum {
	TIMEOUT_CONNECT_DEFAULT = 60,
	TIMEOUT_REMOTE_DEFAULT = 1200,
	REMOTE_MESSAGES_DEFAULT = 1000,
	REMOTE_MESSAGES_MAX = 1000000000,
	REMOTE_SESSION_DEFAULT = 300,
};

/* Returns 0; or -1 with *why when a file can not be read or is wrong. */
int settings_read(struct settings *settings, stralloc *why);

#endif
