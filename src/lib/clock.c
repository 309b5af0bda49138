#include "lib/clock.h"

#include <stdio.h>

int64_t
clock_monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t
clock_wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void
clock_date(char date[DATE_MAX], time_t when)
{
	static char const days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static char const months[12][4] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct tm t;

	if (!gmtime_r(&when, &t)) {
		time_t epoch = 0;
		gmtime_r(&epoch, &t);
	}
	snprintf(date, DATE_MAX, "%s, %02d %s %04d %02d:%02d:%02d +0000", days[t.tm_wday],
		t.tm_mday, months[t.tm_mon], (t.tm_year + 1900) % 10000, t.tm_hour, t.tm_min,
		t.tm_sec);
}
