#include "smtpd/limits.h"

#include "lib/control.h"
#include "lib/number.h"

int
limits_rate_parse(struct rate_limit *limit, struct span text, char const **reason)
{
	struct span count = span_cut(&text, '/');
	uint64_t n, seconds;

	if (number_parse(span_trim(count), RATE_COUNT_MAX, &n) == -1 || n == 0 ||
		duration_parse(span_trim(text), RATE_SECONDS_MAX, &seconds) == -1 || seconds == 0) {
		*reason = "is not a number, a slash and a time of at most a day, as in 100/1h";
		return -1;
	}
	limit->count = (uint32_t)n;
	limit->seconds = (uint32_t)seconds;
	return 0;
}

static int
rate_load(struct rate_limit *limit, char const *name, stralloc *why)
{
	stralloc value = STRALLOC_ZERO;
	char const *reason;
	int r = control_value_read(&value, name, NULL, why);

	*limit = (struct rate_limit){0, 0};
	if (r == 1 && limits_rate_parse(limit, span(value.s, value.len), &reason) == -1)
		r = control_complain(why, name, 1, reason, span(value.s, value.len));
	stralloc_free(&value);
	return r == -1 ? -1 : 0;
}

static int
times_load(struct limits *l, stralloc *why)
{
	if (control_duration_read(
		    &l->timeout, "timeoutsmtpd", TIMEOUT_DEFAULT, 1, TIMEOUT_MAX, why) == -1 ||
		control_duration_read(
			&l->timeout_data, "timeoutdata", l->timeout, 1, TIMEOUT_MAX, why) == -1 ||
		control_duration_read(&l->timeout_session, "timeoutsession",
			TIMEOUT_SESSION_DEFAULT, 1, TIMEOUT_MAX, why) == -1 ||
		control_duration_read(&l->greet_delay, "greetdelay", 0, 0, DELAY_MAX, why) == -1)
		return -1;
	return control_duration_read(&l->tarpit, "tarpit", 0, 0, DELAY_MAX, why);
}

static int
numbers_load(struct limits *l, stralloc *why)
{
	if (control_number_read(&l->databytes, "databytes", 0, 0, UINT64_MAX / 4, why) == -1 ||
		control_number_read(&l->recipients, "maxrecipients", RECIPIENTS_DEFAULT, 1,
			RECIPIENTS_MAX, why) == -1 ||
		control_number_read(&l->messages, "maxmessages", 0, 0, MESSAGES_MAX, why) == -1 ||
		control_number_read(&l->errors, "maxerrors", ERRORS_DEFAULT, 1, ERRORS_MAX, why) ==
			-1)
		return -1;
	return control_number_read(
		&l->data_rate, "mindatarate", DATA_RATE_DEFAULT, 0, DATA_RATE_MAX, why);
}

int
limits_load(struct limits *l, stralloc *why)
{
	if (times_load(l, why) == -1 || numbers_load(l, why) == -1 ||
		rate_load(&l->rates[RATE_CONNECTIONS], "rateconnections", why) == -1 ||
		rate_load(&l->rates[RATE_MESSAGES], "ratemessages", why) == -1 ||
		rate_load(&l->rates[RATE_RECIPIENTS], "raterecipients", why) == -1)
		return -1;
	return rate_load(&l->rates[RATE_ERRORS], "rateerrors", why);
}
