#include "listen/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "lib/number.h"

static int
unix_parse(struct listen_address *address, struct span path, char const **reason)
{
	struct sockaddr_un *un = (void *)&address->socket;

	if (path.len == 0 || path.len >= sizeof un->sun_path) {
		*reason = "the path of a Unix socket has 1 to 107 bytes";
		return -1;
	}
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path.s, path.len);
	address->len = sizeof *un;
	return 0;
}

static int
host_parse(struct listen_address *address, struct span host, in_port_t port)
{
	struct sockaddr_in6 *v6 = (void *)&address->socket;
	struct sockaddr_in *v4 = (void *)&address->socket;
	char text[INET6_ADDRSTRLEN];
	int bracketed = host.len > 2 && host.s[0] == '[' && host.s[host.len - 1] == ']';

	if (bracketed)
		host = span(host.s + 1, host.len - 2);
	if (host.len >= sizeof text)
		return -1;
	memcpy(text, host.s, host.len);
	text[host.len] = '\0';
	if (!bracketed) {
		v4->sin_family = AF_INET;
		v4->sin_port = port;
		address->len = sizeof *v4;
		return inet_pton(AF_INET, text, &v4->sin_addr) == 1 ? 0 : -1;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = port;
	address->len = sizeof *v6;
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		return -1;
	address->v6_only = !IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
	return 0;
}

int
listen_address_parse(struct listen_address *address, struct span text, char const **reason)
{
	size_t colon = span_find_last(text, ':');
	uint64_t port;

	memset(address, 0, sizeof *address);
	if (memchr(text.s, '\0', text.len) == NULL && span_case_starts(text, SPAN_LITERAL("unix:")))
		return unix_parse(address, span(text.s + 5, text.len - 5), reason);
	if (colon == text.len ||
		number_parse(span(text.s + colon + 1, text.len - colon - 1), 65535, &port) == -1 ||
		host_parse(address, span(text.s, colon), htons((in_port_t)port)) == -1) {
		*reason = "an address is 192.0.2.1:25, [2001:db8::1]:25 or unix:PATH";
		return -1;
	}
	return 0;
}

unsigned
listen_address_port(struct listen_address const *address)
{
	struct sockaddr_in6 const *v6 = (void const *)&address->socket;
	struct sockaddr_in const *v4 = (void const *)&address->socket;

	switch (address->socket.ss_family) {
	case AF_INET: return ntohs(v4->sin_port);
	case AF_INET6: return ntohs(v6->sin6_port);
	default: return 0;
	}
}
