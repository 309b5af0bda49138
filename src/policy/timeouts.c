#include "policy/timeouts.h"

#include "lib/control.h"
#include "lib/number.h"

static char const name[] = "timeoutphases";

static struct {
	struct span name;
	uint64_t seconds;
} const phases[TIMEOUTS] = {
	[TIMEOUT_GREETING] = {{"greeting", 8}, 300},
	[TIMEOUT_HELLO] = {{"hello", 5}, 300},
	[TIMEOUT_MAIL] = {{"mail", 4}, 300},
	[TIMEOUT_RCPT] = {{"rcpt", 4}, 300},
	[TIMEOUT_DATA] = {{"data", 4}, 120},
	[TIMEOUT_BLOCK] = {{"block", 5}, 180},
	[TIMEOUT_END] = {{"end", 3}, 600},
};

static int
line_read(struct timeouts *timeouts, struct control_line const *line, stralloc *why)
{
	size_t colon = span_find(line->text, ':');
	struct span phase = span_trim(span(line->text.s, colon));
	uint64_t seconds;
	size_t i = 0;

	while (i < TIMEOUTS && !span_equal(phase, phases[i].name))
		i++;
	if (i == TIMEOUTS)
		return control_complain(why, name, line->number,
			"is not greeting, hello, mail, rcpt, data, block or end", phase);
	if (colon == line->text.len ||
		duration_parse(
			span_trim(span(line->text.s + colon + 1, line->text.len - colon - 1)),
			TIMEOUT_SETTING_MAX, &seconds) == -1 ||
		seconds == 0)
		return control_complain(why, name, line->number,
			"after the colon a duration from 1s to 1d must follow", line->text);
	timeouts->seconds[i] = seconds;
	return 0;
}

int
timeouts_load(struct timeouts *timeouts, stralloc *why)
{
	struct control_list list = CONTROL_LIST_ZERO;
	int r = control_list_read(&list, name, why) == -1 ? -1 : 0;

	for (size_t i = 0; i < TIMEOUTS; i++)
		timeouts->seconds[i] = phases[i].seconds;
	for (size_t i = 0; r == 0 && i < control_list_length(&list); i++)
		r = line_read(timeouts, control_list_line(&list, i), why);
	control_list_free(&list);
	return r;
}
