#include "tern/command.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "lib/spawn.h"

enum { CANNOT_RUN = 127, BY_SIGNAL = 128, READ_SIZE = 4096 };

void
command_exec(char const *const *argv)
{
	execvp(argv[0], (char *const *)(void *)argv);
	if (errno == ENOENT)
		strerr_dief(CANNOT_RUN, argv[0],
			": no such program; is its package (s6, passwd) installed and its folder "
			"in PATH?");
	strerr_diefusys(CANNOT_RUN, "run ", argv[0]);
}

static int
wait_for(pid_t pid)
{
	int status = spawn_wait(pid);
	int code = status == -1 ? CANNOT_RUN : spawn_exit_code(status);

	return code == -1 ? BY_SIGNAL : code;
}

int
command_run(char const *const *argv)
{
	pid_t pid = spawn_fork((int[]){0, 1, 2}, 3);

	if (pid == -1)
		strerr_diefusys(EXIT_TEMPORARY, "fork");
	if (pid == 0)
		command_exec(argv);
	return wait_for(pid);
}

void
command_read_all(int fd, stralloc *output)
{
	for (;;) {
		ssize_t n;

		if (!stralloc_readyplus(output, READ_SIZE))
			strerr_diefusys(EXIT_TEMPORARY, "get memory");
		n = read(fd, output->s + output->len, READ_SIZE);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		output->len += (size_t)n;
	}
}

int
command_read(char const *const *argv, stralloc *output)
{
	int ends[2];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid;

	if (null == -1 || pipe(ends) == -1 || fcntl(ends[0], F_SETFD, FD_CLOEXEC) == -1 ||
		fcntl(ends[1], F_SETFD, FD_CLOEXEC) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "make a pipe");
	pid = spawn_fork((int[]){null, ends[1], null}, 3);
	if (pid == -1)
		strerr_diefusys(EXIT_TEMPORARY, "fork");
	if (pid == 0)
		command_exec(argv);
	close(null);
	close(ends[1]);
	command_read_all(ends[0], output);
	close(ends[0]);
	return wait_for(pid);
}
