#include "send/settings.h"

#include "lib/control.h"
#include "lib/number.h"
#include "send/log.h"

enum {
	LIFETIME_DEFAULT = 7 * 86400,
	LIFETIME_MAX = 366 * 86400,
	CONCURRENCY_LOCAL_DEFAULT = 20,
	CONCURRENCY_REMOTE_DEFAULT = 100,
	CONCURRENCY_MAX = 5000,
	RATE_COUNT_MAX = 1000000000,
	RATE_SECONDS_MAX = 86400
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
rate_load(struct notice_rate *rate, char const *name, char const *fallback, stralloc *why)
{
	stralloc value = STRALLOC_ZERO;
	int r = control_value_read(&value, name, fallback, why);
	struct span rest = span(value.s, value.len), count = span_cut(&rest, '/');

	if (r != -1 &&
		(number_parse(span_trim(count), RATE_COUNT_MAX, &rate->count) == -1 ||
			duration_parse(span_trim(rest), RATE_SECONDS_MAX, &rate->seconds) == -1 ||
			rate->count == 0 || rate->seconds == 0))
		r = control_complain(why, name, 1, "not a number, a slash and a time, as in 100/1h",
			span(value.s, value.len));
	stralloc_free(&value);
	return r == -1 ? -1 : 0;
}

static int
notices_load(struct settings *s, stralloc *why)
{
	if (warnafter_load(&s->warnafter, why) == -1 ||
		rate_load(&s->notices_to_address, "ratebounces", "1000/1h", why) == -1)
		return -1;
	return rate_load(&s->notices_to_domain, "ratebouncesdomain", "10000/1h", why);
}

static int
parts_load(struct settings *s, stralloc *why)
{
	stralloc lines = STRALLOC_ZERO;
	int r;

	if (domains_load(&s->domains, why) == -1 || notices_load(s, why) == -1 ||
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
