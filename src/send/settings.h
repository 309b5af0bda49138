#ifndef SEND_SETTINGS_H
#define SEND_SETTINGS_H

#include <stdint.h>

#include "policy/domains.h"
#include "policy/retry.h"
#include "policy/throttle.h"
#include "policy/warnafter.h"
#include "send/noticebudget.h"

/* What send reads from control/, at the start and on SIGHUP. */
struct settings {
	struct domains domains;
	struct retry retry;
	struct throttle throttle;
	uint64_t queuelifetime; /* seconds */
	struct warnafter warnafter;
	struct notice_rate notices_to_address, notices_to_domain;
	uint64_t concurrency_local;
	uint64_t concurrency_remote;
};

extern struct settings settings;

/* Reads all of it. Returns 0; or -1 with *why, and the settings as they were. */
int settings_load(stralloc *why);

#endif
