#include "lib/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FDS_MAX = 16 };

/* First out of the way of 0..count-1, then each to its place. */
static int
arrange(int const *fds, size_t count)
{
	int moved[FDS_MAX];

	for (size_t i = 0; i < count; i++) {
		moved[i] = fds[i] == -1 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, (int)count);
		if (fds[i] != -1 && moved[i] == -1)
			return -1;
	}
	for (size_t i = 0; i < count; i++) {
		if (moved[i] == -1)
			close((int)i);
		else if (dup2(moved[i], (int)i) == -1)
			return -1;
	}
	return 0;
}

static void
signals_default(void)
{
	static int const ours[] = {
		SIGPIPE, SIGCHLD, SIGHUP, SIGTERM, SIGINT, SIGALRM, SIGUSR1, SIGUSR2};
	struct sigaction action;
	sigset_t none;

	memset(&action, 0, sizeof action);
	action.sa_handler = SIG_DFL;
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		sigaction(ours[i], &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

pid_t
spawn_fork(int const *fds, size_t count)
{
	pid_t pid;

	if (count > FDS_MAX) {
		errno = EINVAL;
		return -1;
	}
	pid = fork();
	if (pid != 0)
		return pid;
	signals_default();
	if (arrange(fds, count) == -1)
		_exit(111);
	return 0;
}

int
spawn_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return -1;
	return status;
}

int
spawn_exit_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
