#include "policy/domains.h"
#include "qread/format.h"

static struct domains domains = DOMAINS_ZERO;
static int is_loaded;

int
format_locality_load(stralloc *why)
{
	is_loaded = domains_load(&domains, why) == 0;
	return is_loaded ? 0 : -1;
}

char const *
format_locality(struct span recipient)
{
	static stralloc address = STRALLOC_ZERO;
	struct span domain;

	if (is_loaded && domains_route(&domains, recipient, &address, &domain) == ADDRESS_LOCAL)
		return "local";
	return "remote";
}
