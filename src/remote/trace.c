#include "remote/trace.h"

#include <unistd.h>

#include <skalibs/stralloc.h>

#include "lib/durable.h"
#include "lib/text.h"

static int is_on;
static uint64_t current;

void
trace_enable(int on)
{
	is_on = on;
}

void
trace_message(uint64_t message)
{
	current = message;
}

int
trace_is_on(void)
{
	return is_on;
}

static void
line_append(stralloc *out, char const *address, char const *mark, struct span line)
{
	if (line.len && line.s[line.len - 1] == '\r')
		line.len--;
	if (text_append(out, "tern-remote: msg ", (char *)0) && text_append_number(out, current) &&
		text_append(out, ": ", address, " ", mark, " ", (char *)0) &&
		text_append_clean(out, line))
		stralloc_catb(out, "\n", 1);
}

void
trace_lines(char const *address, char const *mark, struct span text)
{
	static stralloc out;

	if (!is_on)
		return;
	out.len = 0;
	while (text.len)
		line_append(&out, address, mark, span_cut(&text, '\n'));
	durable_write(STDERR_FILENO, out.s, out.len);
}
