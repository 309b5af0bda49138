#include <stdint.h>
#include <sys/time.h>

#include "policy/routetable.h"
#include "tests/fuzz/home.h"

/* When the text was last changed, of which the compiled file may say that it was made. */
enum { THEN = 1700000000 };

static void
find(struct routetable const *table, struct span key)
{
	struct domainmap_entry entry = {.line = 0};
	stralloc why = STRALLOC_ZERO;
	int r = routetable_find(table, key, &entry, &why);
	size_t sum = 0;

	if ((r == -1) != (why.len != 0))
		abort();
	for (size_t i = 0; r == 1 && i < entry.value.len; i++)
		sum += (unsigned char)entry.value.s[i];
	stralloc_free(&why);
	if (sum == SIZE_MAX)
		abort();
}

/*
 * A domain, a byte 255, and a file smtproutes.cdb, whose pointers may lead
 * anywhere: what is found lies in the file, or it is damaged.
 */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct timeval const then[2] = {{THEN, 0}, {THEN, 0}};
	struct span rest = span((char const *)data, size);
	struct span domain = span_cut(&rest, '\xff');
	struct routetable table = ROUTETABLE_ZERO;
	stralloc why = STRALLOC_ZERO;

	home_enter();
	home_write("control/smtproutes", span("", 0));
	if (utimes("control/smtproutes", then) == -1)
		abort();
	home_write("control/smtproutes.cdb", rest);
	if (routetable_refresh(&table, &why) == 0)
		find(&table, domain);
	routetable_free(&table);
	stralloc_free(&why);
	home_leave();
	return 0;
}
