#include "net/ownaddress.h"

#include <netinet/in.h>

#include "lib/platform.h"

/* Whether the address begins with the bits of a prefix. */
static int
has_prefix(struct netaddress const *address, char const *prefix, unsigned bits)
{
	struct netaddress base;

	netaddress_parse(&base, span_string(prefix));
	for (unsigned i = 0; i < bits; i++)
		if ((address->bytes[i / 8] ^ base.bytes[i / 8]) & 0x80 >> i % 8)
			return 0;
	return 1;
}

static struct {
	char const *prefix;
	unsigned bits; /* of the sixteen bytes: 96 more for IPv4 */
	enum address_class class;
} const special[] = {
	{"127.0.0.0", 96 + 8, ADDRESS_LOOPBACK},
	{"::1", 128, ADDRESS_LOOPBACK},
	{"0.0.0.0", 96 + 8, ADDRESS_UNUSABLE},
	{"169.254.0.0", 96 + 16, ADDRESS_UNUSABLE},
	{"224.0.0.0", 96 + 3, ADDRESS_UNUSABLE}, /* multicast, reserved, broadcast */
	{"::", 96, ADDRESS_UNUSABLE},            /* unspecified, IPv4-compatible */
	{"fe80::", 10, ADDRESS_UNUSABLE},
	{"ff00::", 8, ADDRESS_UNUSABLE},
};

struct search {
	struct netaddress const *address;
	int found;
};

static void
compare(void *context, struct sockaddr const *own)
{
	struct search *search = context;
	struct sockaddr_storage copy = {0};
	struct netaddress address;

	memcpy(&copy, own,
		own->sa_family == AF_INET ? sizeof(struct sockaddr_in)
					  : sizeof(struct sockaddr_in6));
	if (netaddress_of_socket(&address, &copy) == 0 &&
		memcmp(address.bytes, search->address->bytes, sizeof address.bytes) == 0)
		search->found = 1;
}

enum address_class
address_classify(struct netaddress const *address)
{
	struct search search = {address, 0};

	for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
		if (has_prefix(address, special[i].prefix, special[i].bits))
			return special[i].class;
	platform_each_own_address(compare, &search);
	return search.found ? ADDRESS_OWN : ADDRESS_PUBLIC;
}
