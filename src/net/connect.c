#include "net/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"

/* IPv4 goes over sockets of its own: a kernel without IPv6 has no others. */
static socklen_t
socket_address(struct sockaddr_storage *to, struct netaddress const *address, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	if (netaddress_is_v4(address)) {
		memcpy(&v4.sin_addr, address->bytes + 12, 4);
		memcpy(to, &v4, sizeof v4);
		return sizeof v4;
	}
	memcpy(&v6.sin6_addr, address->bytes, 16);
	memcpy(to, &v6, sizeof v6);
	return sizeof v6;
}

static int
socket_new(struct netaddress const *address, int type)
{
	int fd = socket(netaddress_is_v4(address) ? AF_INET : AF_INET6, type, 0);

	if (fd == -1)
		return -1;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 || fcntl(fd, F_SETFL, O_NONBLOCK) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
close_failed(int fd)
{
	int e = errno;

	close(fd);
	errno = e;
	return -1;
}

int
connect_wait(int fd, short events, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		int64_t left = deadline - clock_monotonic();
		int r = left > 0 ? poll(&p, 1, left > 1000000 ? 1000000 : (int)left) : 0;

		if (r > 0)
			return 0;
		if (r == -1 && errno != EINTR)
			return -1;
		if (r == 0 && left <= 1000000) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

static int
connect_start(int fd, struct netaddress const *address, uint16_t port)
{
	struct sockaddr_storage to;
	socklen_t len = socket_address(&to, address, port);

	return connect(fd, (struct sockaddr const *)&to, len);
}

static int
bind_local(int fd, struct netaddress const *local)
{
	struct sockaddr_storage from;
	socklen_t len = socket_address(&from, local, 0);

	return bind(fd, (struct sockaddr const *)&from, len);
}

int
connect_tcp_begin(struct netaddress const *address, uint16_t port, struct netaddress const *local)
{
	int fd = socket_new(address, SOCK_STREAM);

	if (fd == -1)
		return -1;
	if (local && bind_local(fd, local) == -1)
		return close_failed(fd);
	if (connect_start(fd, address, port) == -1 && errno != EINPROGRESS && errno != EINTR)
		return close_failed(fd);
	return fd;
}

int
connect_tcp_end(int fd)
{
	int e, one = 1;
	socklen_t len = sizeof e;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) == -1)
		return -1;
	errno = e;
	if (e || fcntl(fd, F_SETFL, 0) == -1 ||
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == -1)
		return -1;
	return 0;
}

int
connect_tcp(struct netaddress const *address, uint16_t port, struct netaddress const *local,
	int64_t deadline)
{
	int fd = connect_tcp_begin(address, port, local);

	if (fd == -1)
		return -1;
	if (connect_wait(fd, POLLOUT, deadline) == -1 || connect_tcp_end(fd) == -1)
		return close_failed(fd);
	return fd;
}

/* A full queue of the listener is no event that poll knows: the kernel itself keeps the time. */
int
connect_unix(char const *path, int64_t deadline)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int64_t left = deadline - clock_monotonic();
	struct timeval time = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};
	int fd;

	if (strlen(path) >= sizeof to.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(to.sun_path, path, strlen(path));
	if (left <= 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd == -1)
		return -1;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == -1)
		return close_failed(fd);
	if (connect(fd, (struct sockaddr const *)&to, sizeof to) == 0)
		return fd;
	if (errno == EAGAIN || errno == EINPROGRESS)
		errno = ETIMEDOUT;
	return close_failed(fd);
}

int
connect_udp(struct netaddress const *address, uint16_t port)
{
	int fd = socket_new(address, SOCK_DGRAM);

	if (fd != -1 && connect_start(fd, address, port) == -1)
		return close_failed(fd);
	return fd;
}
