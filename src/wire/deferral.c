#include "wire/deferral.h"

#include "lib/number.h"
#include "wire/diagnosis.h"

static char const *const names[DEFERRAL_CLASSES] = {
	[DEFERRAL_OTHER] = "",
	[DEFERRAL_CONNECT] = "connect",
	[DEFERRAL_DNS] = "dns",
	[DEFERRAL_GREYLIST] = "greylist",
	[DEFERRAL_REPLY] = "4xx",
};

char const *deferral_class_name(enum deferral_class class)
{
	return names[class];
}

static int
contains(struct span text, char const *words)
{
	struct span part = span_string(words);

	for (; text.len >= part.len; text.s++, text.len--)
		if (span_case_starts(text, part))
			return 1;
	return 0;
}

static int
speaks_of_greylisting(struct span reply)
{
	return contains(reply, "greylist") || contains(reply, "graylist") ||
	       contains(reply, "grey list") || contains(reply, "gray list") ||
	       contains(reply, "4.7.1 try again") || contains(reply, "postgrey");
}

/* The codes are those that our own programs put at the end of their words. */
enum deferral_class
deferral_classify(enum verdict verdict, struct span text)
{
	struct diagnosis diagnosis;

	diagnosis_read(&diagnosis, text);
	if (diagnosis.reply.len && verdict == VERDICT_DEFERRED)
		return speaks_of_greylisting(diagnosis.reply) ? DEFERRAL_GREYLIST : DEFERRAL_REPLY;
	if (contains(text, "(#4.4.3)") || contains(text, "(#4.4.4)"))
		return DEFERRAL_DNS;
	if (contains(text, "(#4.4.1)") || contains(text, "(#4.4.2)"))
		return verdict == VERDICT_DEFERRED ? DEFERRAL_CONNECT : DEFERRAL_OTHER;
	return DEFERRAL_OTHER;
}

int
deferral_is_unreachable(struct span text)
{
	return contains(text, "(#4.4.1)");
}

int
deferral_is_crowded(struct span text)
{
	struct diagnosis diagnosis;

	diagnosis_read(&diagnosis, text);
	return span_case_starts(diagnosis.reply, SPAN_LITERAL("421"));
}

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static struct span
number_take(struct span *rest)
{
	size_t n = 0;

	while (n < rest->len && is_digit(rest->s[n]))
		n++;
	struct span digits = span(rest->s, n);
	*rest = span(rest->s + n, rest->len - n);
	return digits;
}

/* "SS" or "MM:SS" or "HH:MM:SS", after the first of its numbers. Returns how many more there were.
 */
static int
clock_take(struct span *rest, uint64_t *seconds)
{
	int parts = 0;

	while (parts < 2 && rest->len > 2 && rest->s[0] == ':' && is_digit(rest->s[1])) {
		uint64_t next;
		struct span after = span(rest->s + 1, rest->len - 1);

		if (number_parse(number_take(&after), 59, &next) == -1)
			break;
		*seconds = *seconds * 60 + next;
		*rest = after;
		parts++;
	}
	return parts;
}

static uint64_t
unit_of(struct span rest)
{
	while (rest.len && rest.s[0] == ' ')
		rest = span(rest.s + 1, rest.len - 1);
	if (span_case_starts(rest, SPAN_LITERAL("min")))
		return 60;
	if (span_case_starts(rest, SPAN_LITERAL("hour")))
		return 3600;
	if (span_case_starts(rest, SPAN_LITERAL("sec")) ||
		(rest.len && rest.s[0] == 's' &&
			(rest.len == 1 || rest.s[1] == ' ' || rest.s[1] == '.')))
		return 1;
	return 0;
}

uint32_t
deferral_hint(struct span text)
{
	struct diagnosis diagnosis;
	struct span rest;

	diagnosis_read(&diagnosis, text);
	rest = diagnosis.reply;
	while (rest.len) {
		uint64_t seconds, unit;

		if (!is_digit(rest.s[0])) {
			rest = span(rest.s + 1, rest.len - 1);
			continue;
		}
		if (number_parse(number_take(&rest), DEFERRAL_HINT_MAX, &seconds) == -1)
			continue;
		unit = clock_take(&rest, &seconds) ? 1 : unit_of(rest);
		if (unit && seconds)
			return (uint32_t)(seconds * unit < DEFERRAL_HINT_MAX ? seconds * unit
									     : DEFERRAL_HINT_MAX);
	}
	return 0;
}
