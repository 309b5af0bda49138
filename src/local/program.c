#include "local/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/selfpipe.h>

#include "lib/clock.h"
#include "lib/spawn.h"
#include "local/environment.h"

struct run {
	pid_t pid;    /* and its process group */
	int output;   /* what it says; -1 at the end */
	int children; /* readable when a child has ended */
	size_t kept;
	stralloc *text;
};

static int
children_watch(void)
{
	static int fd = -1;

	if (fd == -1) {
		fd = selfpipe_init();
		if (fd != -1 && !selfpipe_trap(SIGCHLD)) {
			selfpipe_finish();
			fd = -1;
		}
	}
	return fd;
}

static void
run_command(char const *command, char const *const *environment)
{
	char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)command, NULL};

	setpgid(0, 0);
	execve("/bin/sh", argv, (char **)(uintptr_t)environment);
	_exit(111);
}

static int
start(struct run *run, int message, char const *command, char const *const *environment)
{
	int ends[2];

	if (pipe(ends) == -1)
		return -1;
	for (int i = 0; i < 2; i++)
		fcntl(ends[i], F_SETFD, FD_CLOEXEC);
	run->pid = spawn_fork((int[]){message, ends[1], ends[1]}, 3);
	if (run->pid == 0)
		run_command(command, environment);
	close(ends[1]);
	if (run->pid == -1) {
		close(ends[0]);
		return -1;
	}
	setpgid(run->pid, run->pid); /* whoever of the two is first */
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	run->output = ends[0];
	return 0;
}

/* Takes what has arrived; what is over the limit is read and thrown away. */
static void
output_take(struct run *run)
{
	char piece[4096];
	ssize_t n;

	while (run->output != -1) {
		n = read(run->output, piece, sizeof piece);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n <= 0) {
			close(run->output);
			run->output = -1;
			return;
		}
		size_t room = PROGRAM_OUTPUT_MAX - run->kept;
		size_t keep = (size_t)n < room ? (size_t)n : room;
		for (size_t i = 0; i < keep; i++)
			if (!piece[i])
				piece[i] = '?';
		if (stralloc_catb(run->text, piece, keep))
			run->kept += keep;
		if (keep < (size_t)n)
			return; /* a flood must not keep us from looking at the clock */
	}
}

static int
has_ended(struct run *run, int *status)
{
	pid_t pid;

	while (selfpipe_read() > 0)
		;
	do
		pid = waitpid(run->pid, status, WNOHANG);
	while (pid == -1 && errno == EINTR);
	if (pid == -1)
		*status = -1;
	return pid != 0;
}

/*
 * Waits until the program itself ends or the time is up. Others of its group
 * may hold the pipe for longer; they are not waited for. Returns 1 with
 * *status, or 0.
 */
static int
wait_until(struct run *run, int64_t deadline, int *status)
{
	for (;;) {
		struct pollfd x[2] = {{.fd = run->children, .events = POLLIN},
			{.fd = run->output, .events = POLLIN}};
		int64_t left = deadline - clock_monotonic();

		if (left <= 0)
			return 0;
		if (poll(x, 2, left < 1000000 ? (int)left : 1000000) == -1 && errno != EINTR)
			return 0;
		output_take(run);
		if (has_ended(run, status)) {
			output_take(run);
			return 1;
		}
	}
}

static int
finish(struct run *run, unsigned seconds, int *status)
{
	int in_time = wait_until(run, clock_monotonic() + seconds * INT64_C(1000), status);

	if (!in_time) {
		kill(-run->pid, SIGTERM);
		if (!wait_until(
			    run, clock_monotonic() + PROGRAM_GRACE_SECONDS * INT64_C(1000), status))
			*status = -1;
		kill(-run->pid, SIGKILL);
		if (*status == -1)
			*status = spawn_wait(run->pid);
	}
	if (run->output != -1)
		close(run->output);
	return in_time;
}

static enum verdict
judge(int status, int *stop, stralloc *text, size_t said)
{
	int code = spawn_exit_code(status);
	enum verdict verdict = VERDICT_TROUBLE;
	char line[80];

	switch (code) {
	case 99: *stop = 1; /* fall through */
	case 0: return VERDICT_DELIVERED;
	case 100:
	case 64: /* sysexits(3): EX_USAGE, EX_DATAERR, EX_SOFTWARE, EX_PROTOCOL, EX_NOPERM, */
	case 65:
	case 70:
	case 76:
	case 77:
	case 78: /* EX_CONFIG */
	case 112: verdict = VERDICT_FAILED; break;
	case 111:
	case 71: /* EX_OSERR, EX_IOERR, EX_TEMPFAIL */
	case 74:
	case 75: verdict = VERDICT_DEFERRED; break;
	default: break;
	}
	if (text->len > said && verdict != VERDICT_TROUBLE)
		return verdict; /* its own words */
	if (code == -1)
		snprintf(line, sizeof line, "The program was ended by signal %d. (#4.3.0)",
			WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	else
		snprintf(line, sizeof line, "The program exited %d. (#%d.3.0)", code,
			verdict == VERDICT_FAILED ? 5 : 4);
	if (text->len > said && text->s[text->len - 1] != '\n')
		stralloc_catb(text, "\n", 1);
	return mail_verdict(text, verdict, line, (char *)0);
}

enum verdict
program_run(struct mail *mail, struct span command, int *stop, stralloc *text)
{
	static stralloc line;
	static struct environment environment;
	struct run run = {.output = -1, .children = children_watch(), .text = text};
	size_t said = text->len;
	int status = -1, message, started;

	line.len = 0;
	if (run.children == -1 || !stralloc_catb(&line, command.s, command.len) ||
		!stralloc_0(&line) || !environment_make(&environment, mail))
		return mail_verdict_errno(text, "prepare for", "a program");
	message = message_copy(&mail->message);
	if (message == -1)
		return mail_verdict_errno(text, "copy the message for", "a program");
	started = start(&run, message, line.s, environment.list);
	close(message);
	if (started == -1)
		return mail_verdict_errno(text, "start", "a program");
	if (!finish(&run, mail->seconds_max, &status))
		return mail_verdict(text, VERDICT_TROUBLE, text->len > said ? "\n" : "",
			"The program took too long and was ended. (#4.3.0)", (char *)0);
	return judge(status, stop, text, said);
}
