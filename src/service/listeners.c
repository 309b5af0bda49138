#include "service/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/exits.h"
#include "lib/number.h"

static void
listener_take(char const *program, int fd)
{
	int listening = 0, flags = fcntl(fd, F_GETFL);
	socklen_t len = sizeof listening;

	if (flags == -1 || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == -1 ||
		!listening) {
		fprintf(stderr,
			"%s: fatal: descriptor %d is not a listening socket: start by tern-listen\n",
			program, fd);
		exit(EXIT_PERMANENT);
	}
	/* A client that gives up between poll and accept must not stop us. */
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) {
		fprintf(stderr, "%s: fatal: unable to prepare a listening socket: %s\n", program,
			strerror(errno));
		exit(EXIT_TEMPORARY);
	}
}

unsigned
listeners_take(char const *program, int listeners[SERVICE_LISTENERS_MAX])
{
	char const *text = getenv("TERN_LISTENERS");
	uint64_t count = 1;

	if (text && (number_parse(span_string(text), SERVICE_LISTENERS_MAX, &count) == -1 ||
			    count == 0)) {
		fprintf(stderr, "%s: fatal: TERN_LISTENERS is not a number from 1 to %d\n", program,
			SERVICE_LISTENERS_MAX);
		exit(EXIT_PERMANENT);
	}
	for (unsigned i = 0; i < count; i++) {
		listeners[i] = i == 0 ? 0 : SERVICE_LISTENER_MORE + (int)i - 1;
		listener_take(program, listeners[i]);
	}
	return (unsigned)count;
}
