/*
 * tests/fault/preload.c - a system that is hard to work with, by LD_PRELOAD
 *
 * FAULT_SEED=N     reads and writes are short, and calls that may wait are
 *                  interrupted (EINTR), at random: the same for the same N
 * FAULT_MALLOC=N   the N-th of the program's allocations fails, counted from
 *                  its main on; FAULT_MALLOC=N+ all from there
 * FAULT_COUNT=FILE the number of allocations is kept there, in eight bytes
 * FAULT_PROGRAM=X  only in the program of that name (of 15 bytes)
 *
 * A write of up to PIPE_BUF bytes to a pipe is never short, nor is a packet:
 * the system promises so.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FEW = 7, INTERRUPT_ONE_OF = 4, SHORT_TWO_OF = 3 };

static int is_on;
static uint64_t state; /* of the chance; 0: no faults of reading and writing */
static uint64_t own_count, *allocations = &own_count;
static uint64_t failing = UINT64_MAX;
static int failing_on;

static uint64_t
chance(uint64_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

static void
count_in(char const *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0666);
	void *shared;

	if (fd == -1 || ftruncate(fd, sizeof own_count) == -1)
		return;
	shared = mmap(NULL, sizeof own_count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared != MAP_FAILED)
		allocations = shared;
	close(fd);
}

__attribute__((constructor)) static void
begin(void)
{
	char const *seed = getenv("FAULT_SEED");
	char const *fail = getenv("FAULT_MALLOC");
	char const *program = getenv("FAULT_PROGRAM");

	if (program && strncmp(program, program_invocation_short_name, 15) != 0)
		return;
	if (getenv("FAULT_COUNT"))
		count_in(getenv("FAULT_COUNT"));
	if (seed)
		state = strtoull(seed, NULL, 10) * UINT64_C(0x9e3779b97f4a7c15) + 1;
	if (fail) {
		failing = strtoull(fail, NULL, 10);
		failing_on = strchr(fail, '+') != NULL;
	}
	is_on = 1;
}

/* --- reading and writing --- */

#define REAL(name)                                                                                 \
	static __typeof__(&name) real;                                                             \
	if (!real)                                                                                 \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

static int
is_interrupted(void)
{
	if (!is_on || !state || chance(INTERRUPT_ONE_OF))
		return 0;
	errno = EINTR;
	return 1;
}

enum kind { KIND_FILE, KIND_PIPE, KIND_STREAM, KIND_OTHER };

static enum kind
kind_of(int fd)
{
	struct stat st;
	int type;
	socklen_t size = sizeof type;

	if (fstat(fd, &st) == -1)
		return KIND_OTHER;
	if (S_ISREG(st.st_mode))
		return KIND_FILE;
	if (S_ISFIFO(st.st_mode))
		return KIND_PIPE;
	if (S_ISSOCK(st.st_mode) && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
		type == SOCK_STREAM)
		return KIND_STREAM;
	return KIND_OTHER;
}

static size_t
shorten(int fd, size_t len, int writing)
{
	enum kind kind;

	if (!is_on || !state || len < 2 || chance(SHORT_TWO_OF) == 0)
		return len;
	kind = kind_of(fd);
	if (kind == KIND_OTHER || (kind == KIND_PIPE && writing && len <= PIPE_BUF))
		return len;
	return 1 + (chance(2) ? chance(len < FEW ? len : FEW) : chance(len));
}

/* Only what may wait can be interrupted: a file of the disk can not. */
static int
is_interrupted_on(int fd)
{
	return is_on && state && kind_of(fd) != KIND_FILE && is_interrupted();
}

ssize_t
read(int fd, void *s, size_t len)
{
	REAL(read);
	return is_interrupted_on(fd) ? -1 : real(fd, s, shorten(fd, len, 0));
}

ssize_t
pread(int fd, void *s, size_t len, off_t offset)
{
	REAL(pread);
	return real(fd, s, shorten(fd, len, 0), offset);
}

ssize_t
write(int fd, void const *s, size_t len)
{
	REAL(write);
	return is_interrupted_on(fd) ? -1 : real(fd, s, shorten(fd, len, 1));
}

static int
may_wait(int flags)
{
	return !(flags & MSG_DONTWAIT);
}

ssize_t
recv(int fd, void *s, size_t len, int flags)
{
	REAL(recv);
	return may_wait(flags) && is_interrupted() ? -1 : real(fd, s, shorten(fd, len, 0), flags);
}

ssize_t
send(int fd, void const *s, size_t len, int flags)
{
	REAL(send);
	return may_wait(flags) && is_interrupted() ? -1 : real(fd, s, shorten(fd, len, 1), flags);
}

/* The first piece alone is a short one too. */
ssize_t
readv(int fd, struct iovec const *v, int count)
{
	REAL(readv);
	if (is_interrupted_on(fd))
		return -1;
	return count && v->iov_len && shorten(fd, v->iov_len, 0) != v->iov_len ? real(fd, v, 1)
									       : real(fd, v, count);
}

ssize_t
writev(int fd, struct iovec const *v, int count)
{
	REAL(writev);
	if (is_interrupted_on(fd))
		return -1;
	return count && v->iov_len && kind_of(fd) != KIND_PIPE &&
			       shorten(fd, v->iov_len, 1) != v->iov_len
		       ? real(fd, v, 1)
		       : real(fd, v, count);
}

ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
	REAL(recvmsg);
	return may_wait(flags) && is_interrupted() ? -1 : real(fd, message, flags);
}

ssize_t
sendmsg(int fd, struct msghdr const *message, int flags)
{
	REAL(sendmsg);
	return may_wait(flags) && is_interrupted() ? -1 : real(fd, message, flags);
}

int
poll(struct pollfd *fds, nfds_t count, int timeout)
{
	REAL(poll);
	return timeout && is_interrupted() ? -1 : real(fds, count, timeout);
}

int
ppoll(struct pollfd *fds, nfds_t count, struct timespec const *timeout, sigset_t const *mask)
{
	REAL(ppoll);
	return is_interrupted() ? -1 : real(fds, count, timeout, mask);
}

int
accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	REAL(accept4);
	return is_interrupted() ? -1 : real(fd, address, len, flags);
}

/* --- memory --- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static int
fails(void)
{
	if (!is_on)
		return 0;
	++*allocations;
	if (failing_on ? *allocations < failing : *allocations != failing)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}
