#include "wire/smtpdcounts.h"

/* New ones go before the last, and make the file begin anew. */
static char const *const reasons[SMTPDCOUNTS_REASONS] = {
	"access",
	"blocklist",
	"early",
	"errors",
	"helo",
	"limit",
	"lookup",
	"loop",
	"proxy",
	"queue",
	"rate",
	"recipient",
	"relay",
	"sender",
	"slow",
	"stop",
	"syntax",
	"system",
	"text",
	"unknown",
	"other",
};

char const *
smtpdcounts_reason(size_t i)
{
	return reasons[i];
}

size_t
smtpdcounts_refusal(char const *reply, char const *reason)
{
	size_t i = 0;

	while (i + 1 < SMTPDCOUNTS_REASONS && strcmp(reasons[i], reason) != 0)
		i++;
	return (reply[0] == '4' ? SMTPDCOUNT_REFUSED_4XX : SMTPDCOUNT_REFUSED_5XX) + i;
}
