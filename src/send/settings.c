#include "send/settings.h"

#include "send/log.h"

enum {
	LIFETIME_DEFAULT = 7 * 86400,
	LIFETIME_MAX = 366 * 86400,
	CONCURRENCY_LOCAL_DEFAULT = 20,
	CONCURRENCY_REMOTE_DEFAULT = 100,
	CONCURRENCY_MAX = 5000
};

struct settings settings = {.domains = DOMAINS_ZERO, .retry = RETRY_ZERO};

static int
parts_load(struct settings *s, stralloc *why)
{
	stralloc lines = STRALLOC_ZERO;
	int r;

	if (domains_load(&s->domains, why) == -1 ||
		control_duration_read(&s->queuelifetime, "queuelifetime", LIFETIME_DEFAULT, 0,
			LIFETIME_MAX, why) == -1 ||
		control_number_read(&s->concurrency_local, "concurrencylocal",
			CONCURRENCY_LOCAL_DEFAULT, 0, CONCURRENCY_MAX, why) == -1 ||
		control_number_read(&s->concurrency_remote, "concurrencyremote",
			CONCURRENCY_REMOTE_DEFAULT, 0, CONCURRENCY_MAX, why) == -1)
		return -1;
	r = retry_load(&s->retry, &lines);
	if (r == -1)
		stralloc_cat(why, &lines);
	else if (lines.len)
		log_warning("lines of control/retry do not count: ", span(lines.s, lines.len));
	stralloc_free(&lines);
	return r;
}

int
settings_load(stralloc *why)
{
	struct settings fresh = {.domains = DOMAINS_ZERO, .retry = RETRY_ZERO};

	if (parts_load(&fresh, why) == -1) {
		domains_free(&fresh.domains);
		retry_free(&fresh.retry);
		return -1;
	}
	domains_free(&settings.domains);
	retry_free(&settings.retry);
	settings = fresh;
	return 0;
}
