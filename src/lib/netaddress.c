#include "lib/netaddress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static unsigned char const mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int
netaddress_parse(struct netaddress *address, struct span text)
{
	char s[NETADDRESS_TEXT_MAX];

	if (text.len >= sizeof s || memchr(text.s, '\0', text.len))
		return -1;
	memcpy(s, text.s, text.len);
	s[text.len] = '\0';
	if (inet_pton(AF_INET6, s, address->bytes) == 1)
		return 0;
	memcpy(address->bytes, mapped, sizeof mapped);
	return inet_pton(AF_INET, s, address->bytes + sizeof mapped) == 1 ? 0 : -1;
}

int
netaddress_of_socket(struct netaddress *address, struct sockaddr_storage const *socket)
{
	if (socket->ss_family == AF_INET6) {
		struct sockaddr_in6 const *v6 = (void const *)socket;

		memcpy(address->bytes, &v6->sin6_addr, 16);
		return 0;
	}
	if (socket->ss_family == AF_INET) {
		struct sockaddr_in const *v4 = (void const *)socket;

		memcpy(address->bytes, mapped, sizeof mapped);
		memcpy(address->bytes + sizeof mapped, &v4->sin_addr, 4);
		return 0;
	}
	return -1;
}

int
netaddress_of_bytes(struct netaddress *address, struct span bytes)
{
	if (bytes.len == 16) {
		memcpy(address->bytes, bytes.s, 16);
		return 0;
	}
	if (bytes.len != 4)
		return -1;
	memcpy(address->bytes, mapped, sizeof mapped);
	memcpy(address->bytes + sizeof mapped, bytes.s, 4);
	return 0;
}

int
netaddress_is_v4(struct netaddress const *address)
{
	return memcmp(address->bytes, mapped, sizeof mapped) == 0;
}

void
netaddress_format(char text[NETADDRESS_TEXT_MAX], struct netaddress const *address)
{
	int v4 = netaddress_is_v4(address);

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, address->bytes + (v4 ? 12 : 0), text,
		    NETADDRESS_TEXT_MAX))
		text[0] = '\0';
}
