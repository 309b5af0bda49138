#include "net/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tests/tap.h"

static struct netaddress
address_of(char const *text)
{
	struct netaddress address;

	if (netaddress_parse(&address, span_string(text)) == -1)
		exit(1);
	return address;
}

/* A socket that listens on 127.0.0.1; *port becomes its port. */
static int
listener_new(int backlog, uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&at, sizeof at) == -1 ||
		listen(fd, backlog) == -1 || getsockname(fd, (struct sockaddr *)&at, &len) == -1) {
		puts("Bail out! can not listen on 127.0.0.1");
		exit(1);
	}
	*port = ntohs(at.sin_port);
	return fd;
}

static void
test_connected(void)
{
	struct netaddress to = address_of("127.0.0.1"), from = address_of("127.0.0.9");
	struct sockaddr_in peer = {0};
	socklen_t len = sizeof peer, one_len = sizeof(int);
	uint16_t port;
	int listener = listener_new(5, &port), one = 0, accepted;
	int fd = connect_tcp(&to, port, &from, clock_monotonic() + 10000);

	ok(fd != -1, "a connection is made");
	ok(!(fcntl(fd, F_GETFL) & O_NONBLOCK), "it is blocking");
	ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "it is close-on-exec");
	ok(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, &one_len) == 0 && one,
		"it does not wait to send");
	accepted = accept(listener, (struct sockaddr *)&peer, &len);
	ok(accepted != -1 && peer.sin_addr.s_addr == htonl(0x7f000009), "it comes from 127.0.0.9");
	close(accepted);
	close(fd);
	close(listener);
	fd = connect_tcp(&to, port, NULL, clock_monotonic() + 10000);
	ok(fd == -1 && errno == ECONNREFUSED, "nobody listens: refused");
	from = address_of("192.0.2.1");
	ok(connect_tcp(&to, port, &from, clock_monotonic() + 10000) == -1 && errno == EADDRNOTAVAIL,
		"an address of our own that is not ours");
}

/* A listener that nobody accepts from takes a connection or two; the next one waits. */
static void
test_timeout(void)
{
	struct netaddress to = address_of("127.0.0.1");
	uint16_t port;
	int listener = listener_new(0, &port), fds[16], fd = 0;
	size_t n = 0;

	while (n < 16 && (fd = connect_tcp(&to, port, NULL, clock_monotonic() + 300)) != -1)
		fds[n++] = fd;
	ok(fd == -1 && errno == ETIMEDOUT, "nobody answers: time is out");
	while (n)
		close(fds[--n]);
	close(listener);
}

int
main(void)
{
	test_connected();
	test_timeout();
	return tap_end();
}
