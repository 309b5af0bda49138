#include "tern/checktable.h"

#include <stddef.h>
#include <string.h>

enum { DAY = 86400, YEAR = 366 * DAY, NAME_MAX_LENGTH = 40, NEAR = 2 };

struct setting const checktable[] = {
	{"access", SETTING_SPECIAL, 0, 0},
	{"allowloopback", SETTING_NUMBER, 0, 1},
	{"badhelo", SETTING_LIST, 0, 0},
	{"badmailfrom", SETTING_LIST, 0, 0},
	{"badrcptto", SETTING_LIST, 0, 0},
	{"bouncefrom", SETTING_TEXT, 0, 0},
	{"bouncehost", SETTING_NAME, 0, 0},
	{"bouncemaxbytes", SETTING_NUMBER, 0, 1 << 30},
	{"concurrencyclient", SETTING_NUMBER, 1, 10000},
	{"concurrencyincoming", SETTING_NUMBER, 1, 10000},
	{"concurrencylocal", SETTING_NUMBER, 0, 5000},
	{"concurrencyremote", SETTING_NUMBER, 0, 5000},
	{"confinement", SETTING_NUMBER, 0, 1},
	{"databytes", SETTING_NUMBER, 0, UINT64_MAX / 4},
	{"defaultdelivery", SETTING_TEXT, 0, 0},
	{"defaultdomain", SETTING_NAME, 0, 0},
	{"defaulthost", SETTING_NAME, 0, 0},
	{"diskfloor", SETTING_NUMBER, 0, UINT64_MAX / 1024},
	{"dnsbls", SETTING_LIST, 0, 0},
	{"dnsservers", SETTING_SPECIAL, 0, 0},
	{"doublebouncehost", SETTING_NAME, 0, 0},
	{"doublebounceto", SETTING_TEXT, 0, 0},
	{"envnoathost", SETTING_NAME, 0, 0},
	{"greetdelay", SETTING_DURATION, 0, 60},
	{"helohost", SETTING_NAME, 0, 0},
	{"idhost", SETTING_NAME, 0, 0},
	{"inodefloor", SETTING_NUMBER, 0, UINT64_MAX / 1024},
	{"localiphost", SETTING_NAME, 0, 0},
	{"locals", SETTING_DOMAINS, 0, 0},
	{"logdetail", SETTING_NUMBER, 0, 1},
	{"maxerrors", SETTING_NUMBER, 1, 1000},
	{"maxmessages", SETTING_NUMBER, 0, 1000000},
	{"maxrecipients", SETTING_NUMBER, 1, 100000},
	{"me", SETTING_NAME, 0, 0},
	{"mindatarate", SETTING_NUMBER, 0, 1000000},
	{"morercpthosts", SETTING_DOMAINS, 0, 0},
	{"morercpthosts.cdb", SETTING_COMPILED, 0, 0},
	{"percenthack", SETTING_DOMAINS, 0, 0},
	{"plusdomain", SETTING_NAME, 0, 0},
	{"proxyhosts", SETTING_SPECIAL, 0, 0},
	{"queuelifetime", SETTING_DURATION, 0, YEAR},
	{"ratebounces", SETTING_RATE, 0, 0},
	{"ratebouncesdomain", SETTING_RATE, 0, 0},
	{"rateconnections", SETTING_RATE, 0, 0},
	{"rateerrors", SETTING_RATE, 0, 0},
	{"ratemessages", SETTING_RATE, 0, 0},
	{"raterecipients", SETTING_RATE, 0, 0},
	{"rcpthosts", SETTING_DOMAINS, 0, 0},
	{"recipientcheck", SETTING_NUMBER, 0, 1},
	{"relayhost", SETTING_SPECIAL, 0, 0},
	{"remote8bit", SETTING_NUMBER, 0, 1},
	{"remotechunking", SETTING_NUMBER, 0, 1},
	{"remotemessages", SETTING_NUMBER, 1, 1000000000},
	{"remotesession", SETTING_DURATION, 1, DAY},
	{"retry", SETTING_SPECIAL, 0, 0},
	{"routetests", SETTING_SPECIAL, 0, 0},
	{"senderroutes", SETTING_SPECIAL, 0, 0},
	{"smtpgreeting", SETTING_TEXT, 0, 0},
	{"smtplisten", SETTING_SPECIAL, 0, 0},
	{"smtpport", SETTING_NUMBER, 1, UINT16_MAX},
	{"smtproutes", SETTING_SPECIAL, 0, 0},
	{"smtproutes.cdb", SETTING_COMPILED, 0, 0},
	{"tarpit", SETTING_DURATION, 0, 60},
	{"throttle", SETTING_SPECIAL, 0, 0},
	{"timeoutconnect", SETTING_DURATION, 1, DAY},
	{"timeoutdata", SETTING_DURATION, 1, DAY},
	{"timeoutphases", SETTING_SPECIAL, 0, 0},
	{"timeoutremote", SETTING_DURATION, 1, DAY},
	{"timeoutreverse", SETTING_DURATION, 0, 30},
	{"timeoutsession", SETTING_DURATION, 1, DAY},
	{"timeoutsmtpd", SETTING_DURATION, 1, DAY},
	{"virtualdomains", SETTING_SPECIAL, 0, 0},
	{"warnafter", SETTING_SPECIAL, 0, 0},
	{NULL, SETTING_TEXT, 0, 0},
};

struct setting const *
checktable_find(char const *name)
{
	for (struct setting const *s = checktable; s->name; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
	unsigned d = a < b ? a : b;

	return d < c ? d : c;
}

/* How many letters must be put in, taken out or changed. Both are shorter than NAME_MAX_LENGTH. */
static unsigned
distance(char const *a, char const *b)
{
	unsigned row[NAME_MAX_LENGTH + 1];
	size_t len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; a[i]; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < len; j++) {
			unsigned change = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			row[j + 1] = least(row[j] + 1, row[j + 1] + 1, change);
		}
	}
	return row[len];
}

char const *
checktable_nearest(char const *name)
{
	char const *best = NULL;
	unsigned best_distance = NEAR + 1;

	if (strlen(name) >= NAME_MAX_LENGTH)
		return NULL;
	for (struct setting const *s = checktable; s->name; s++) {
		unsigned d = distance(name, s->name);

		if (d < best_distance && d < strlen(s->name)) {
			best = s->name;
			best_distance = d;
		}
	}
	return best;
}
