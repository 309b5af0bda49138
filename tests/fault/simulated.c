/*
 * tests/fault/simulated.c - a program whose time is ours, by LD_PRELOAD
 *
 * SIM_CLOCK=FILE   eight words of 64 bits, shared: the wall clock and the
 *                  monotonic one in microseconds, which stand still until
 *                  somebody else sets them; at which of the calls below the
 *                  program ends (0: never); how many there were
 * SIM_SOCKET=FD    a byte that comes here is answered as soon as the program
 *                  has nothing to do: with the monotonic time in milliseconds
 *                  until which its poll() would wait, INT64_MAX for ever
 *
 * poll() ends when something is ready or the clock has come to its time, so
 * that days pass in no time, and who asks knows when all is done. A program
 * that ends in the middle of a write to a file has written half of it, or all
 * but a byte.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { WALL, MONOTONIC, END_AT, CALLS, WORDS = 8, FDS_MAX = 4096, ENDED = 137 };

static uint64_t nothing[WORDS];
static uint64_t volatile *shared = nothing;
static int control = -1;

__attribute__((constructor)) static void
begin(void)
{
	char const *path = getenv("SIM_CLOCK"), *fd = getenv("SIM_SOCKET");
	int file = path ? open(path, O_RDWR) : -1;
	void *map = MAP_FAILED;

	if (file != -1) {
		map = mmap(NULL, sizeof nothing, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
		close(file);
	}
	if (map == MAP_FAILED || !fd)
		_exit(100);
	shared = map;
	control = atoi(fd);
}

/* --- the clocks --- */

static void
spec_set(struct timespec *t, uint64_t microseconds)
{
	t->tv_sec = (time_t)(microseconds / 1000000);
	t->tv_nsec = (long)(microseconds % 1000000 * 1000);
}

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE: spec_set(t, shared[WALL]); return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME: spec_set(t, shared[MONOTONIC]); return 0;
	default: return (int)syscall(SYS_clock_gettime, clock, t);
	}
}

time_t
time(time_t *t)
{
	time_t now = (time_t)(shared[WALL] / 1000000);

	if (t)
		*t = now;
	return now;
}

/* --- waiting --- */

static int
real_poll(struct pollfd *fds, nfds_t count, int wait)
{
	static int (*next)(struct pollfd *, nfds_t, int);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "poll");
	return next(fds, count, wait);
}

static int64_t
milliseconds(void)
{
	return (int64_t)(shared[MONOTONIC] / 1000);
}

/* Whether the byte has come; without the one who would send it there is nobody to live for. */
static int
asked_read(void)
{
	char byte;

	if (read(control, &byte, 1) != 1)
		_exit(ENDED);
	return 1;
}

int
poll(struct pollfd *fds, nfds_t count, int wait)
{
	static struct pollfd all[FDS_MAX + 1];
	static int asked;
	int64_t until = wait < 0 ? INT64_MAX : milliseconds() + wait;
	int ready;

	if (count > FDS_MAX)
		abort();
	for (;;) {
		memcpy(all, fds, count * sizeof *fds);
		all[count] = (struct pollfd){.fd = asked ? -1 : control, .events = POLLIN};
		ready = real_poll(all, count + 1, asked || milliseconds() >= until ? 0 : -1);
		if (ready == -1)
			return -1;
		if (all[count].revents) {
			asked = asked_read();
			ready--;
		}
		for (nfds_t i = 0; i < count; i++)
			fds[i].revents = all[i].revents;
		if (ready > 0 || milliseconds() >= until)
			return ready;
		if (asked && send(control, &until, sizeof until, MSG_NOSIGNAL) == sizeof until)
			asked = 0;
	}
}

/* --- the end in the middle of it --- */

static int
is_last(void)
{
	return ++shared[CALLS] == shared[END_AT];
}

static void
end(void)
{
	syscall(SYS_exit_group, ENDED);
}

ssize_t
write(int fd, void const *s, size_t n)
{
	struct stat st;

	if (fd != 2 && is_last()) {
		if (n > 1 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
			syscall(SYS_write, fd, s, shared[CALLS] % 2 ? n / 2 : n - 1);
		end();
	}
	return syscall(SYS_write, fd, s, n);
}

ssize_t
sendmsg(int fd, struct msghdr const *message, int flags)
{
	if (is_last())
		end();
	return syscall(SYS_sendmsg, fd, message, flags);
}

int
futimens(int fd, struct timespec const times[2])
{
	if (is_last())
		end();
	return (int)syscall(SYS_utimensat, fd, NULL, times, 0);
}

int
fdatasync(int fd)
{
	if (is_last())
		end();
	return (int)syscall(SYS_fdatasync, fd);
}

int
open(char const *path, int flags, ...)
{
	mode_t mode = 0;
	va_list list;

	va_start(list, flags);
	if (flags & O_CREAT)
		mode = va_arg(list, mode_t);
	va_end(list);
	if ((flags & O_CREAT) && is_last())
		end();
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
