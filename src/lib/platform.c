#define _GNU_SOURCE
#include "lib/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <ifaddrs.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/auxv.h>
#include <sys/prctl.h>

int
platform_is_privileged(void)
{
	return getauxval(AT_SECURE) != 0;
}

int
platform_peer(int fd, uid_t *uid, gid_t *gid, pid_t *pid)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1)
		return -1;
	*uid = peer.uid;
	*gid = peer.gid;
	*pid = peer.pid;
	return 0;
}

int
platform_accept(int listener, struct sockaddr_storage *address)
{
	socklen_t len = sizeof *address;

	return accept4(listener, (struct sockaddr *)address, address ? &len : NULL, SOCK_CLOEXEC);
}

int
platform_no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

void
platform_signal_at_parent_death(int signal)
{
	prctl(PR_SET_PDEATHSIG, signal);
}

size_t
platform_pipe_capacity(int fd)
{
	int size = fcntl(fd, F_GETPIPE_SZ);

	return size > 0 ? (size_t)size : 4096;
}
#else
int
platform_is_privileged(void)
{
	return getuid() != geteuid() || getgid() != getegid();
}

int
platform_peer(int fd, uid_t *uid, gid_t *gid, pid_t *pid)
{
	(void)fd, (void)uid, (void)gid, (void)pid;
	errno = ENOTSUP;
	return -1;
}

int
platform_accept(int listener, struct sockaddr_storage *address)
{
	socklen_t len = sizeof *address;
	int fd = accept(listener, (struct sockaddr *)address, address ? &len : NULL);

	if (fd == -1)
		return -1;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 || fcntl(fd, F_SETFL, 0) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

int
platform_no_new_privileges(void)
{
	errno = ENOTSUP;
	return -1;
}

void
platform_signal_at_parent_death(int signal)
{
	(void)signal;
}

size_t
platform_pipe_capacity(int fd)
{
	(void)fd;
	return 4096;
}
#endif

int
platform_set_groups(gid_t gid)
{
	return setgroups(1, &gid);
}

int
platform_change_root(char const *path)
{
	return chroot(path);
}

int
platform_each_own_address(platform_address_function *f, void *context)
{
	struct ifaddrs *list;

	if (getifaddrs(&list) == -1)
		return -1;
	for (struct ifaddrs *i = list; i; i = i->ifa_next)
		if (i->ifa_addr && (i->ifa_addr->sa_family == AF_INET ||
					   i->ifa_addr->sa_family == AF_INET6))
			f(context, i->ifa_addr);
	freeifaddrs(list);
	return 0;
}
