#include "send/settings.h"

#include "send/log.h"

enum {
	LIFETIME_DEFAULT = 7 * 86400,
	LIFETIME_MAX = 366 * 86400,
	CONCURRENCY_LOCAL_DEFAULT = 20,
	CONCURRENCY_REMOTE_DEFAULT = 100,
	CONCURRENCY_MAX = 5000
};

struct settings settings = {
	.domains = DOMAINS_ZERO, .retry = RETRY_ZERO, .throttle = {DOMAINMAP_ZERO}};

/* After a file of rules was loaded: its bad lines are a warning, no file is an error. */
static int
lines_load(stralloc *why, char const *warning, int result, stralloc *lines)
{
	if (result == -1)
		stralloc_cat(why, lines);
	else if (lines->len)
		log_warning(warning, span(lines->s, lines->len));
	lines->len = 0;
	return result;
}

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
	r = lines_load(why, "lines of control/retry do not count: ", retry_load(&s->retry, &lines),
		&lines);
	if (r == 0)
		r = lines_load(why, "lines of control/throttle do not count: ",
			throttle_load(&s->throttle, &lines), &lines);
	stralloc_free(&lines);
	return r;
}

int
settings_load(stralloc *why)
{
	struct settings fresh = {
		.domains = DOMAINS_ZERO, .retry = RETRY_ZERO, .throttle = {DOMAINMAP_ZERO}};

	if (parts_load(&fresh, why) == -1) {
		domains_free(&fresh.domains);
		retry_free(&fresh.retry);
		throttle_free(&fresh.throttle);
		return -1;
	}
	domains_free(&settings.domains);
	retry_free(&settings.retry);
	throttle_free(&settings.throttle);
	settings = fresh;
	return 0;
}
