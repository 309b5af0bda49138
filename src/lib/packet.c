#define _GNU_SOURCE /* MSG_CMSG_CLOEXEC */
#include "lib/packet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0
#endif

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(PACKET_FDS * sizeof(int))];
};

/* A worker that inherits the other end too never hears that we are gone. */
int
packet_pair(int sockets[2])
{
	int size = PACKET_MAX * 2;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) == -1)
		return -1;
	for (int i = 0; i < 2; i++) {
		if (fcntl(sockets[i], F_SETFD, FD_CLOEXEC) == -1) {
			int e = errno;

			close(sockets[0]);
			close(sockets[1]);
			errno = e;
			return -1;
		}
		setsockopt(sockets[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	}
	return 0;
}

int
packet_send(int socket, struct span bytes, int const *fds, size_t fd_count)
{
	struct iovec iov = {(void *)(uintptr_t)bytes.s, bytes.len};
	union control control;
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (fd_count > PACKET_FDS) {
		errno = EINVAL;
		return -1;
	}
	if (fd_count) {
		memset(&control, 0, sizeof control);
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
	}
	do
		n = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n == -1 ? -1 : 0;
}

static void
descriptors_take(struct msghdr *message, int *fds, size_t *fd_count)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (MSG_CMSG_CLOEXEC == 0)
				fcntl(fd, F_SETFD, FD_CLOEXEC);
			if (*fd_count < PACKET_FDS)
				fds[(*fd_count)++] = fd;
			else
				close(fd);
		}
	}
}

ssize_t
packet_receive(int socket, char *s, size_t max, int fds[PACKET_FDS], size_t *fd_count)
{
	struct iovec iov = {s, max};
	union control control;
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes};
	ssize_t n;

	*fd_count = 0;
	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return -1;
	descriptors_take(&message, fds, fd_count);
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		while (*fd_count)
			close(fds[--*fd_count]);
		errno = EMSGSIZE;
		return -1;
	}
	return n;
}
