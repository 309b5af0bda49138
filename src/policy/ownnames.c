#include "policy/ownnames.h"

int
ownnames_load(struct ownnames *names, stralloc *why)
{
	if (control_me(&names->me, why) == -1 ||
		domainmap_load(&names->locals, "locals", DOMAINMAP_KEYS, why) == -1)
		return -1;
	return 0;
}

int
ownnames_has(void *context, struct span name)
{
	struct ownnames const *names = context;
	struct domainmap_entry entry;

	return span_case_equal(name, span(names->me.s, names->me.len)) ||
	       domainmap_exact(&names->locals, name, &entry);
}
