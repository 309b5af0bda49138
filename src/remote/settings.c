#include "remote/settings.h"

#include "lib/control.h"

/* What one session is like. */
static int
session_read(struct settings *settings, stralloc *why)
{
	if (control_duration_read(&settings->timeout_connect, "timeoutconnect",
		    TIMEOUT_CONNECT_DEFAULT, 1, TIMEOUT_SETTING_MAX, why) == -1 ||
		control_duration_read(&settings->timeout_remote, "timeoutremote",
			TIMEOUT_REMOTE_DEFAULT, 1, TIMEOUT_SETTING_MAX, why) == -1 ||
		timeouts_load(&settings->timeouts, why) == -1 ||
		control_number_read(&settings->messages, "remotemessages", REMOTE_MESSAGES_DEFAULT,
			1, REMOTE_MESSAGES_MAX, why) == -1 ||
		control_duration_read(&settings->session_seconds, "remotesession",
			REMOTE_SESSION_DEFAULT, 1, TIMEOUT_SETTING_MAX, why) == -1)
		return -1;
	return 0;
}

int
settings_read(struct settings *settings, stralloc *why)
{
	if (ownnames_load(&settings->own, why) == -1 ||
		control_value_read(&settings->helohost, "helohost", settings->own.me.s, why) ==
			-1 ||
		session_read(settings, why) == -1 ||
		control_number_read(&settings->chunking, "remotechunking", 1, 0, 1, why) == -1 ||
		control_number_read(&settings->eightbit, "remote8bit", 1, 0, 1, why) == -1 ||
		control_number_read(&settings->logdetail, "logdetail", 0, 0, 1, why) == -1 ||
		mailhosts_settings_read(&settings->mailhosts, why) == -1)
		return -1;
	settings->mailhosts.is_own_name = ownnames_has;
	settings->mailhosts.context = &settings->own;
	return 0;
}
