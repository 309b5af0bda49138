#define _GNU_SOURCE
#include "lib/confine.h"

/*
 * In builds with TERN_SELFTEST only: before a process confines itself, and
 * where the file "selftest" is in the working directory, it makes a child for
 * each thing that it must not be able to do. The child confines itself the same
 * way, tries it, and what came of it is said on descriptor 2:
 *
 *   PROGRAM: selftest: uid UID may BITS: ATTEMPT: reached | refused: ERROR | killed by SIGNAL
 *
 * Each line of the file is an attempt and what it is about, such as
 * "read-queue queue/mess/0/1".
 */
#ifdef TERN_SELFTEST

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REACHED = 0, LINE_SIZE = 4096, UNKNOWN_CALL = 9999, X32_GETPID = 0x40000000 + 39 };

/* Each returns 0 when it could do it, or errno. */
static int
outcome(long result)
{
	return result == -1 ? errno : REACHED;
}

static int
try_read(char const *path)
{
	char byte;
	int fd = open(path, O_RDONLY);

	return fd == -1 ? errno : outcome(read(fd, &byte, 1));
}

static int
try_list(char const *path)
{
	return outcome(open(path, O_RDONLY | O_DIRECTORY));
}

static int
try_write(char const *path)
{
	char name[LINE_SIZE + 20];
	int fd;

	snprintf(name, sizeof name, "%s%ld", path, (long)getpid());
	fd = open(name, O_WRONLY | O_CREAT, 0600);
	return fd == -1 ? errno : outcome(write(fd, "x", 1));
}

static int
try_remove(char const *path)
{
	return outcome(unlink(path));
}

static int
try_connect(char const *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd == -1 ? errno : outcome(connect(fd, (struct sockaddr *)&to, sizeof to));
}

static int
try_abstract(char const *name)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(to.sun_path + 1, name, sizeof to.sun_path - 2);
	return fd == -1 ? errno
			: outcome(connect(fd, (struct sockaddr *)&to,
				  (socklen_t)(sizeof(sa_family_t) + 1 + strlen(name))));
}

static int
try_packet(char const *unused)
{
	(void)unused;
	return outcome(socket(AF_PACKET, SOCK_RAW, 0));
}

static int
try_fork(char const *unused)
{
	pid_t pid = fork();

	(void)unused;
	if (pid == 0)
		_exit(0);
	return outcome(pid);
}

static int
try_exec(char const *program)
{
	return outcome(execl(program, program, (char *)0)); /* which exits 0 */
}

static int
try_trace(char const *unused)
{
	(void)unused;
	return outcome(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
}

static int
try_signal(char const *pid)
{
	return outcome(kill((pid_t)atol(pid), 0));
}

static int
try_become_root(char const *unused)
{
	(void)unused;
	return outcome(setuid(0));
}

static int
try_chroot(char const *path)
{
	return outcome(chroot(path));
}

static int
try_chown(char const *path)
{
	return outcome(chown(path, getuid(), getgid()));
}

static int
try_new_code(char const *unused)
{
	void *p = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)unused;
	return p == MAP_FAILED ? errno : REACHED;
}

static int
try_handle(char const *unused)
{
	(void)unused;
	return outcome(syscall(SYS_open_by_handle_at, -1, NULL, 0));
}

static int
try_bpf(char const *unused)
{
	(void)unused;
	return outcome(syscall(SYS_bpf, 0, NULL, 0));
}

static int
try_keys(char const *unused)
{
	(void)unused;
	return outcome(syscall(SYS_keyctl, 0, 0, 0));
}

static int
try_mount(char const *unused)
{
	(void)unused;
	return outcome(syscall(SYS_mount, "none", "/", "tmpfs", 0L, NULL));
}

static int
try_write_memory(char const *unused)
{
	(void)unused;
	return outcome(syscall(SYS_process_vm_writev, (long)getppid(), NULL, 0, NULL, 0, 0));
}

static int
try_other_abi(char const *unused)
{
	(void)unused;
	return outcome(syscall(X32_GETPID));
}

static int
try_unknown_call(char const *unused)
{
	(void)unused;
	return outcome(syscall(UNKNOWN_CALL));
}

static struct {
	char const *name;
	int (*try)(char const *about);
} const attempts[] = {
	{"read-queue", try_read},
	{"list-queue", try_list},
	{"read-maildir", try_read},
	{"read-file", try_read},
	{"read-etc", try_read},
	{"write-file", try_write},
	{"remove-file", try_remove},
	{"connect-out", try_connect},
	{"abstract-socket", try_abstract},
	{"packet-socket", try_packet},
	{"fork", try_fork},
	{"exec", try_exec},
	{"trace", try_trace},
	{"signal", try_signal},
	{"become-root", try_become_root},
	{"chroot", try_chroot},
	{"chown", try_chown},
	{"new-code", try_new_code},
	{"handle", try_handle},
	{"bpf", try_bpf},
	{"keys", try_keys},
	{"mount", try_mount},
	{"write-memory", try_write_memory},
	{"other-abi", try_other_abi},
	{"unknown-call", try_unknown_call},
};

/* In the child. */
static _Noreturn void
attempt(struct confine const *c, void (*apply)(struct confine const *), char const *name,
	char const *about)
{
	apply(c);
	for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
		if (strcmp(attempts[i].name, name) == 0)
			_exit(attempts[i].try(about));
	_exit(EINVAL);
}

static void
say(struct confine const *c, char const *name, int status)
{
	char text[200], end[80];

	if (WIFSIGNALED(status))
		snprintf(end, sizeof end, "killed by %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) == REACHED)
		snprintf(end, sizeof end, "reached");
	else
		snprintf(end, sizeof end, "refused: %s", strerror(WEXITSTATUS(status)));
	snprintf(text, sizeof text, "%s: selftest: uid %ld may %u: %s: %s\n", c->program,
		(long)getuid(), c->may, name, end);
	if (write(2, text, strlen(text)) == -1)
		_exit(1);
}

void
confine_selftest(struct confine const *c, void (*apply)(struct confine const *))
{
	char line[LINE_SIZE];
	FILE *list = fopen("selftest", "re");

	while (list && fgets(line, sizeof line, list)) {
		char *about = line + strcspn(line, " \n");
		int status;
		pid_t pid;

		about[strcspn(about, "\n")] = '\0';
		if (*about)
			*about++ = '\0';
		pid = fork();
		if (pid == 0)
			attempt(c, apply, line, about);
		if (pid > 0 && waitpid(pid, &status, 0) == pid)
			say(c, line, status);
	}
	if (list)
		fclose(list);
}

#else
extern int confine_selftest_none;
#endif
