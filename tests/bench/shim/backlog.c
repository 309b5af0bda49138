/*
 * backlog: loaded into OpenSMTPD before libc. OpenSMTPD lets 5 connections
 * wait to be accepted; of 20 clients that come at once the kernel then drops
 * some, which wait a second and longer for nothing. To see its speed, and not
 * that, we let more wait. Does no more than the system call.
 */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BACKLOG = 1000 };

long syscall(long number, ...);

int
listen(int fd, int backlog)
{
	return (int)syscall(SYS_listen, fd, backlog < BACKLOG ? BACKLOG : backlog);
}
