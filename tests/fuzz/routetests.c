#include "tern/routetests.h"

#include <stdint.h>

#include "tern/findings.h"
#include "tests/fuzz/home.h"

static unsigned lines;

/* What is found is about a line that is there, and says something. */
void
finding_add(enum finding_level level, char const *file, unsigned line, struct span what,
	char const *fix)
{
	if (level != FINDING_ERROR || !file || line == 0 || line > lines || what.len == 0 || !fix)
		abort();
}

void
finding_add_complaints(enum finding_level level, stralloc *why, char const *fix)
{
	if (level != FINDING_ERROR || why->len == 0 || !fix)
		abort();
	why->len = 0;
}

/* The input is control/routetests. */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct span text = span((char const *)data, size), rest = text;

	for (lines = 0; rest.len; lines++)
		span_cut(&rest, '\n');
	home_enter();
	home_write("control/me", SPAN_LITERAL("here.test\n"));
	home_write("control/virtualdomains", SPAN_LITERAL("virtual.test:joe\n"));
	home_write("control/smtproutes", SPAN_LITERAL("a.test:b.test:26,c.test\n.test:d.test\n"));
	home_write("control/senderroutes", SPAN_LITERAL("s@a.test:e.test\n"));
	home_write("control/routetests", text);
	routetests_check();
	home_leave();
	return 0;
}
