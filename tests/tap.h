#ifndef TESTS_TAP_H
#define TESTS_TAP_H

/*
 * Tests in C print TAP: one "ok" or "not ok" line a check, and the plan at the
 * end. A check says what a user would notice, with the case in its name.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static unsigned tap_count, tap_failed;

__attribute__((format(printf, 2, 3))) static inline int
ok(int good, char const *format, ...)
{
	va_list args;

	tap_failed += !good;
	printf("%sok %u - ", good ? "" : "not ", ++tap_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	return good;
}

/* Compares bytes, and shows both when they differ. */
static inline int
same(char const *got, size_t got_len, char const *want, size_t want_len, char const *name)
{
	int good = got_len == want_len && (got_len == 0 || memcmp(got, want, got_len) == 0);

	if (!ok(good, "%s", name)) {
		printf("#  got: '%.*s'\n", (int)got_len, got);
		printf("# want: '%.*s'\n", (int)want_len, want);
	}
	return good;
}

static inline int
tap_end(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed != 0;
}

#endif
