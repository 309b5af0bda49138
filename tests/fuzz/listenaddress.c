#include "listen/address.h"

#include <stdlib.h>
#include <sys/un.h>

/* An address of control/smtplisten: what is understood is one that can be bound. */
int LLVMFuzzerTestOneInput(unsigned char const *data, size_t size);

int
LLVMFuzzerTestOneInput(unsigned char const *data, size_t size)
{
	struct listen_address address;
	char const *reason = NULL;

	if (listen_address_parse(&address, span((char const *)data, size), &reason) == -1) {
		if (!reason)
			abort();
		return 0;
	}
	if (address.socket.ss_family == AF_UNIX) {
		struct sockaddr_un const *un = (void const *)&address.socket;

		if (un->sun_path[0] == '\0' || un->sun_path[sizeof un->sun_path - 1] != '\0')
			abort();
	} else if (address.socket.ss_family != AF_INET && address.socket.ss_family != AF_INET6) {
		abort();
	}
	if (address.len == 0 || address.len > sizeof address.socket ||
		listen_address_port(&address) > 65535)
		abort();
	return 0;
}
