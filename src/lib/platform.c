#define _GNU_SOURCE
#include "lib/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <ifaddrs.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int
rename_by_link(int from, char const *old_name, int to, char const *new_name)
{
	if (linkat(from, old_name, to, new_name, 0) == -1)
		return -1;
	unlinkat(from, old_name, 0); /* a second name in `from` does no harm */
	return 0;
}

int
platform_terminal_size(int fd, size_t *rows, size_t *columns)
{
#ifdef TIOCGWINSZ
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
		*rows = size.ws_row;
		*columns = size.ws_col;
		return 0;
	}
#else
	(void)fd, (void)rows, (void)columns;
#endif
	return -1;
}

#ifdef __linux__
#include <linux/fs.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/mman.h>
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
platform_undumpable(void)
{
	prctl(PR_SET_DUMPABLE, 0);
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
int
platform_memory_file(char const *name)
{
	return memfd_create(name, MFD_CLOEXEC);
}

int
platform_flock(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB);
}

int
platform_rename_new(int from, char const *old_name, int to, char const *new_name)
{
	if (renameat2(from, old_name, to, new_name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS) /* what file systems without it say */
		return -1;
	return rename_by_link(from, old_name, to, new_name);
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
platform_undumpable(void)
{
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

int
platform_memory_file(char const *name)
{
	(void)name;
	errno = ENOTSUP;
	return -1;
}

int
platform_flock(int fd)
{
	(void)fd;
	return 0;
}

int
platform_rename_new(int from, char const *old_name, int to, char const *new_name)
{
	return rename_by_link(from, old_name, to, new_name);
}
#endif

size_t
platform_bytes_waiting(int fd)
{
	int waiting = 0;

	return ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 0 ? (size_t)waiting : 0;
}

static void
close_each_from(int first)
{
	long open_max = sysconf(_SC_OPEN_MAX);
	int end = open_max > 0 && open_max < 65536 ? (int)open_max : 65536;

	for (int fd = first; fd < end; fd++)
		close(fd);
}

void
platform_close_from(int first)
{
#ifdef CLOSE_RANGE_CLOEXEC
	if (close_range((unsigned)first, ~0U, 0) == 0)
		return;
#endif
	close_each_from(first);
}

int
platform_set_groups(gid_t gid)
{
	return setgroups(1, &gid);
}

int
platform_sync_filesystem(int fd)
{
#ifdef __linux__
	return syncfs(fd);
#else
	(void)fd;
	errno = ENOTSUP;
	return -1;
#endif
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
		if (i->ifa_addr &&
			(i->ifa_addr->sa_family == AF_INET || i->ifa_addr->sa_family == AF_INET6))
			f(context, i->ifa_addr);
	freeifaddrs(list);
	return 0;
}

#if defined __linux__ && defined FS_IOC_SETFLAGS
void
platform_spread_directories(char const *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int flags;

	if (fd == -1)
		return;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
		flags |= FS_TOPDIR_FL;
		(void)!ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
	close(fd);
}
#else
void
platform_spread_directories(char const *path)
{
	(void)path;
}
#endif
