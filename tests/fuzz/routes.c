#include <stdlib.h>

#include "wire/dnsmessage.h"
#include "wire/route.h"

int LLVMFuzzerTestOneInput(unsigned char const *data, size_t size);

/* What is understood stays inside the value and inside the limits. */
int
LLVMFuzzerTestOneInput(unsigned char const *data, size_t size)
{
	struct span value = span((char const *)data, size);
	struct route route;
	char const *reason = NULL;

	if (route_parse(&route, value, &reason) == -1) {
		if (!reason)
			abort();
		return 0;
	}
	if (route.relays > ROUTE_RELAYS_MAX)
		abort();
	if (route.helo.len &&
		(route.helo.s < value.s || route.helo.s + route.helo.len > value.s + size))
		abort();
	for (size_t i = 0; i < route.relays; i++) {
		struct relay const *relay = &route.relay[i];
		struct dns_name name;

		if (relay->host.s < value.s || relay->host.s + relay->host.len > value.s + size ||
			(relay->port == 0 &&
				(relay->protocol != RELAY_LMTP || relay->host.s[0] != '/' ||
					relay->host.len > ROUTE_PATH_MAX)) ||
			(relay->port && dns_name_parse(&name, relay->host) == -1) ||
			(i && relay->rank < route.relay[i - 1].rank))
			abort();
	}
	return 0;
}
