#include "inject/fail.h"

#include <stdarg.h>
#include <stdlib.h>

#include "lib/durable.h"
#include "lib/text.h"

static char const *fail_program = "tern-inject";
static enum fail_dialect fail_dialect = FAIL_AS_INJECT;

static int const codes[][2] = {
	[FAIL_USAGE] = {100, 64},
	[FAIL_DATA] = {100, 65},
	[FAIL_UNAVAILABLE] = {100, 69},
	[FAIL_SOFTWARE] = {111, 70},
	[FAIL_SYSTEM] = {111, 71},
	[FAIL_IO] = {111, 74},
	[FAIL_LATER] = {111, 75},
	[FAIL_PERMISSION] = {100, 77},
	[FAIL_CONFIG] = {111, 78},
};

void
fail_init(char const *program, enum fail_dialect dialect)
{
	fail_program = program;
	fail_dialect = dialect;
}

int
fail_code(enum failure failure)
{
	return codes[failure][fail_dialect];
}

void
fail(enum failure failure, ...)
{
	stralloc line = STRALLOC_ZERO;
	char const *part;
	va_list args;
	int whole = text_append(&line, fail_program, ": fatal: ", (char *)NULL);

	va_start(args, failure);
	while (whole && (part = va_arg(args, char const *)))
		whole = text_append_clean(&line, span_string(part));
	va_end(args);
	if (whole && stralloc_catb(&line, "\n", 1))
		durable_write(2, line.s, line.len);
	exit(fail_code(failure));
}

void
fail_memory(void)
{
	fail(FAIL_SYSTEM, "out of memory: the message was not sent: try again later", (char *)NULL);
}
