/*
 * tern-start - wire the delivery side together and keep it whole
 *
 * Started by  s6 (the service "send"), as root, or as the one user of an
 *             instance; the working directory becomes the home.
 * Options     -d N: descriptor N gets a newline when tern-send is ready.
 * fd 2        log lines, shared by all.
 * Starts      tern-send     as the owner of queue/hist
 *             tern-clean    as the owner of queue/mess
 *             tern-rspawn   as the owner of run/remote
 *             tern-bounce   as the owner of run/bounce
 *             tern-lspawn   as who it is (root: it becomes the recipients)
 *             and no program twice. Only these descriptors reach them:
 *               send    2 log, 3 lspawn, 4 rspawn, 5 requests to clean,
 *                       6 its answers, 7 bounce; and "-d 8" when we got -d
 *               clean   0 requests, 1 answers, 2 log
 *               others  0 the socket to send, 2 log
 * Touches     no file.
 * Trusts      its children for nothing but their exit codes.
 * Signals     HUP, ALRM: passed on to send. TERM, INT: to send as TERM, which
 *             lets running deliveries finish; the others end when send closes
 *             their sockets. Whoever is left after STOP_SECONDS is killed.
 * Exits       0 after TERM when send ended well; else, when any of them ends,
 *             all are stopped the same way, and: 100 when one of them did (its
 *             settings are wrong), 111 otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>

#include "lib/clock.h"
#include "lib/exits.h"
#include "lib/home.h"
#include "lib/number.h"
#include "lib/packet.h"
#include "lib/platform.h"
#include "lib/privilege.h"
#include "lib/spawn.h"
#include "policy/confinement.h"

/* Below the timeout-kill of the service, which is 60 seconds. */
enum { STOP_SECONDS = 50 };

enum { READY_FD_MAX = 1023, SEND_DESCRIPTORS = 9 };

enum child_index { SEND, CLEAN, LSPAWN, RSPAWN, BOUNCE, CHILDREN };

static struct child {
	char const *program;
	char const *owner_of; /* whose user it is; NULL: ours */
	pid_t pid;            /* 0: ended */
} children[CHILDREN] = {
	[SEND] = {"bin/tern-send", "queue/hist", 0},
	[CLEAN] = {"bin/tern-clean", "queue/mess", 0},
	[LSPAWN] = {"bin/tern-lspawn", NULL, 0},
	[RSPAWN] = {"bin/tern-rspawn", "run/remote", 0},
	[BOUNCE] = {"bin/tern-bounce", "run/bounce", 0},
};

static void
kill_all(int signal)
{
	for (size_t i = 0; i < CHILDREN; i++)
		if (children[i].pid)
			kill(children[i].pid, signal);
}

static void
start(enum child_index which, int const *fds, size_t count)
{
	struct child *child = &children[which];
	int ready = which == SEND && fds[SEND_DESCRIPTORS - 1] != -1;
	char const *argv[] = {child->program, ready ? "-d" : NULL, "8", NULL};
	pid_t self = getpid();
	pid_t pid = spawn_fork(fds, count);

	if (pid == -1) {
		kill_all(SIGKILL);
		strerr_diefusys(EXIT_TEMPORARY, "fork for ", child->program);
	}
	if (pid) {
		child->pid = pid;
		return;
	}
	if (child->owner_of)
		confine_capabilities_bound();
	if (child->owner_of && privilege_become_owner(child->owner_of) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "become the owner of ", child->owner_of);
	/* Should tern-start be killed, send ends as if told to, and the others after it. */
	if (which == SEND) {
		platform_signal_at_parent_death(SIGTERM);
		/* What is passed on before send can take it must not end it. */
		signal(SIGALRM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
	}
	if (getppid() != self)
		_exit(EXIT_TEMPORARY);
	execv(child->program, (char *const *)(void *)argv);
	strerr_diefusys(EXIT_TEMPORARY, "run ", child->program);
}

static void
pair_or_die(int sockets[2])
{
	if (packet_pair(sockets) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "make a socket pair");
}

static void
pipe_or_die(int ends[2])
{
	if (pipe(ends) == -1 || fcntl(ends[0], F_SETFD, FD_CLOEXEC) == -1 ||
		fcntl(ends[1], F_SETFD, FD_CLOEXEC) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "make a pipe");
}

/* Each child holds only its own ends, so that each sees the end of the other side. */
static void
start_all(int ready_fd)
{
	int lspawn[2], rspawn[2], bounce[2], requests[2], answers[2];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null == -1)
		strerr_diefusys(EXIT_TEMPORARY, "open /dev/null");
	pair_or_die(lspawn);
	pair_or_die(rspawn);
	pair_or_die(bounce);
	pipe_or_die(requests);
	pipe_or_die(answers);
	start(CLEAN, (int[]){requests[0], answers[1], 2}, 3);
	start(LSPAWN, (int[]){lspawn[1], null, 2}, 3);
	start(RSPAWN, (int[]){rspawn[1], null, 2}, 3);
	start(BOUNCE, (int[]){bounce[1], null, 2}, 3);
	start(SEND,
		(int[SEND_DESCRIPTORS]){null, null, 2, lspawn[0], rspawn[0], requests[1],
			answers[0], bounce[0], ready_fd},
		SEND_DESCRIPTORS);
	int const done[] = {lspawn[0], lspawn[1], rspawn[0], rspawn[1], bounce[0], bounce[1],
		requests[0], requests[1], answers[0], answers[1], null, ready_fd};
	for (size_t i = 0; i < sizeof done / sizeof done[0]; i++)
		if (done[i] != -1)
			close(done[i]);
}

enum stage { RUNNING, STOPPING, KILLING };

static enum stage stage = RUNNING;
static int exit_code;
static int64_t deadline;

/* Begins to stop: send is told to; the others end when it closes their sockets. */
static void
stop(int code)
{
	if (stage != RUNNING)
		return;
	stage = STOPPING;
	exit_code = code;
	deadline = clock_monotonic() + STOP_SECONDS * 1000;
	if (children[SEND].pid)
		kill(children[SEND].pid, SIGTERM);
}

/*
 * When one ends, others end of that, and may be seen first. So each that ends
 * otherwise than well is said, and the worst decides what we exit with.
 */
static void
ended(struct child *child, int status)
{
	int code = spawn_exit_code(status);

	child->pid = 0;
	if (code == EXIT_OK) {
		stop(EXIT_TEMPORARY);
		return;
	}
	if (stage != KILLING)
		strerr_warnw(child->program,
			code == -1               ? " was killed by a signal"
			: code == EXIT_PERMANENT ? " found its settings wrong"
						 : " failed",
			"; all are stopped");
	stop(EXIT_TEMPORARY);
	if (exit_code != EXIT_PERMANENT)
		exit_code = code == EXIT_PERMANENT ? EXIT_PERMANENT : EXIT_TEMPORARY;
}

static void
reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < CHILDREN; i++)
			if (children[i].pid == pid)
				ended(&children[i], status);
}

static int
any_left(void)
{
	for (size_t i = 0; i < CHILDREN; i++)
		if (children[i].pid)
			return 1;
	return 0;
}

static void
out_of_time(void)
{
	strerr_warnw("not all ended within 50 seconds; killing the rest");
	stage = KILLING;
	if (exit_code == EXIT_OK)
		exit_code = EXIT_TEMPORARY;
	kill_all(SIGKILL);
}

/* The next signal, or 0 when the time to stop is over. */
static int
signal_next(sigset_t const *awaited)
{
	int64_t left = stage == STOPPING ? deadline - clock_monotonic() : 60000;
	struct timespec timeout;
	int signal;

	if (left < 0)
		left = 0;
	timeout.tv_sec = (time_t)(left / 1000);
	timeout.tv_nsec = (long)(left % 1000) * 1000000;
	signal = sigtimedwait(awaited, NULL, &timeout);
	if (signal == -1 && errno == EAGAIN && stage == STOPPING)
		out_of_time();
	return signal == -1 ? 0 : signal;
}

static void
watch(sigset_t const *awaited)
{
	while (any_left()) {
		int signal = signal_next(awaited);

		if (signal == SIGTERM || signal == SIGINT)
			stop(EXIT_OK);
		else if ((signal == SIGHUP || signal == SIGALRM) && children[SEND].pid)
			kill(children[SEND].pid, signal);
		reap();
	}
}

static int
ready_fd_option(int argc, char const *const *argv)
{
	subgetopt opts = SUBGETOPT_ZERO;
	uint64_t fd = 0;
	int option;

	while ((option = subgetopt_r(argc, argv, "d:", &opts)) != -1)
		if (option != 'd' || number_parse(span_string(opts.arg), READY_FD_MAX, &fd) == -1 ||
			fd < 3)
			strerr_dieusage(
				EXIT_PERMANENT, "tern-start [-d N] (N: a descriptor of 3 to 1023)");
	if (opts.ind != argc)
		strerr_dieusage(EXIT_PERMANENT, "tern-start [-d N]");
	if (fd == 0)
		return -1;
	if (fcntl((int)fd, F_SETFD, FD_CLOEXEC) == -1)
		strerr_diefusys(EXIT_PERMANENT, "use the descriptor given with -d");
	return (int)fd;
}

int
main(int argc, char const *const *argv)
{
	static int const handled[] = {SIGTERM, SIGINT, SIGHUP, SIGALRM, SIGCHLD};
	sigset_t awaited;
	int ready_fd;

	PROG = "tern-start";
	ready_fd = ready_fd_option(argc, argv);
	if (home_enter() == -1)
		strerr_diefusys(EXIT_PERMANENT, "enter the home ", home_path());
	sigemptyset(&awaited);
	for (size_t i = 0; i < sizeof handled / sizeof handled[0]; i++)
		sigaddset(&awaited, handled[i]);
	sigprocmask(SIG_BLOCK, &awaited, NULL);
	start_all(ready_fd);
	confinement_enter(CONFINEMENT_START);
	watch(&awaited);
	return exit_code;
}
