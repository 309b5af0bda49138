#include "smtpd/reason.h"

#include <string.h>

/* By the begin of what follows the code of three digits. */
static struct {
	char const *status, *reason;
} const reasons[] = {
	{"5.1.1 ", "unknown"},
	{"5.1.8 ", "sender"},
	{"5.1.", "syntax"},
	{"5.3.4 ", "limit"},
	{"5.4.6 ", "loop"},
	{"5.5.", "syntax"},
	{"5.6.7 ", "syntax"},
	{"5.6.", "text"},
	{"4.3.2 ", "stop"},
	{"4.4.2 ", "slow"},
	{"4.5.3 ", "limit"},
	{"4.7.0 ", "errors"},
	{"", "queue"},
};

char const *
reason_of_reply(char const *reply)
{
	size_t i = 0;

	if (strlen(reply) < 4)
		return "system";
	while (strncmp(reply + 4, reasons[i].status, strlen(reasons[i].status)) != 0)
		i++;
	return reasons[i].reason;
}
