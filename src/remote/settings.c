#include "remote/settings.h"

#include "lib/control.h"

static int
is_own_name(void *context, struct span name)
{
	struct settings const *settings = context;
	struct domainmap_entry entry;

	return span_case_equal(name, span(settings->me.s, settings->me.len)) ||
	       domainmap_exact(&settings->locals, name, &entry) == 1;
}

int
settings_read(struct settings *settings, stralloc *why)
{
	if (control_me(&settings->me, why) == -1 ||
		control_value_read(&settings->helohost, "helohost", settings->me.s, why) == -1 ||
		control_duration_read(&settings->timeout_connect, "timeoutconnect",
			TIMEOUT_CONNECT_DEFAULT, 1, TIMEOUT_SETTING_MAX, why) == -1 ||
		control_duration_read(&settings->timeout_remote, "timeoutremote",
			TIMEOUT_REMOTE_DEFAULT, 1, TIMEOUT_SETTING_MAX, why) == -1 ||
		control_number_read(&settings->logdetail, "logdetail", 0, 0, 1, why) == -1 ||
		domainmap_load(&settings->locals, "locals", DOMAINMAP_KEYS, why) == -1 ||
		mailhosts_settings_read(&settings->mailhosts, why) == -1)
		return -1;
	settings->mailhosts.is_own_name = is_own_name;
	settings->mailhosts.context = settings;
	return 0;
}
