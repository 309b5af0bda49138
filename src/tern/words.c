#include "tern/words.h"

#include <stdio.h>
#include <time.h>

void
words_span(char text[WORDS_MAX], uint64_t seconds)
{
	unsigned long long s = seconds;

	if (s < 120)
		snprintf(text, WORDS_MAX, "%llu s", s);
	else if (s < 7200)
		snprintf(text, WORDS_MAX, "%llu min", s / 60);
	else if (s < 172800)
		snprintf(text, WORDS_MAX, "%llu h", s / 3600);
	else
		snprintf(text, WORDS_MAX, "%llu days", s / 86400);
}

void
words_time(char text[WORDS_MAX], uint64_t seconds)
{
	time_t when = (time_t)seconds;
	struct tm t;

	if (seconds == 0 || !localtime_r(&when, &t) ||
		strftime(text, WORDS_MAX, "%Y-%m-%d %H:%M:%S", &t) == 0)
		snprintf(text, WORDS_MAX, "-");
}

void
words_size(char text[WORDS_MAX], uint64_t bytes)
{
	static char const *const units[] = {"B", "KB", "MB", "GB", "TB"};
	double amount = (double)bytes;
	size_t unit = 0;

	while (amount >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
		amount /= 1024;
		unit++;
	}
	snprintf(text, WORDS_MAX, unit && amount < 10 ? "%.1f %s" : "%.0f %s", amount, units[unit]);
}

char const *
words_messages(uint64_t count)
{
	return count == 1 ? "message" : "messages";
}
