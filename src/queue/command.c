#include "queue/command.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/durable.h"
#include "queue/intake.h"
#include "queue/origin.h"
#include "service/submit.h"
#include "spool/layout.h"

enum { READ_SIZE = 64 * 1024 };

static struct intake intake = INTAKE_ZERO;
static char unfinished[SPOOL_PATH_MAX]; /* what a signal has to remove */

/* Only ever runs while we wait for input: everything else is done with these signals blocked. */
static void
give_up(int sig)
{
	(void)sig;
	if (unfinished[0])
		unlink(unfinished);
	_exit(QUEUE_TIMEOUT);
}

static sigset_t
signals_of_end(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigaddset(&set, SIGTERM);
	return set;
}

/*
 * The caller's terminal and limits must not end us halfway: it may go away, we
 * then see the end of the input. A write over its limits fails as any other.
 */
static void
signals_prepare(void)
{
	static int const ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGXFSZ, SIGXCPU};
	struct sigaction action = {.sa_handler = SIG_IGN};
	sigset_t set = signals_of_end();

	sigprocmask(SIG_SETMASK, &set, NULL);
	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		sigaction(ignored[i], &action, NULL);
	action.sa_handler = give_up;
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	alarm(INTAKE_SECONDS_MAX);
}

/* Waits for input. Returns as read does. */
static ssize_t
read_some(int fd, char *buffer)
{
	sigset_t set = signals_of_end();
	ssize_t n;

	sigprocmask(SIG_UNBLOCK, &set, NULL);
	do
		n = read(fd, buffer, READ_SIZE);
	while (n == -1 && errno == EINTR);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return n;
}

/* Returns 0 at the end of the message, or -1 when it can not be had or kept. */
static int
message_read(char *buffer)
{
	ssize_t n;

	while (intake.code == QUEUE_OK && (n = read_some(0, buffer)) != 0) {
		if (n == -1)
			return -1;
		intake_message(&intake, span(buffer, (size_t)n));
	}
	return 0;
}

/* Returns 0 when it is complete or wrong, or -1 when it broke off. */
static int
envelope_read(struct origin const *origin, char *buffer)
{
	ssize_t n;

	while (intake.code == QUEUE_OK && intake.check.state != ENVELOPE_COMPLETE) {
		n = read_some(1, buffer);
		if (n <= 0)
			return -1;
		intake_envelope(&intake, origin, span(buffer, (size_t)n));
	}
	return 0;
}

/* A reason that says more than the code goes to whoever gave us a descriptor for it. */
static int
code_told(int has_reason)
{
	char text[COMMAND_REASON_MAX];
	int len;

	if (intake.code != QUEUE_REFUSED || !has_reason || !intake.reason)
		return intake.code;
	len = snprintf(text, sizeof text, "D%s", intake.reason);
	if (durable_write(COMMAND_REASON, text, (size_t)len) == -1)
		return intake.code;
	return QUEUE_CUSTOM;
}

static void
complain(int code)
{
	fprintf(stderr, "tern-queue: fatal: %s%s%s\n", queue_exit_text(code),
		intake.reason ? ": " : "", intake.reason ? intake.reason : "");
}

/*
 * What a caller whose business that is says of the origin, so that it reaches
 * us through a filter that runs us. Makes lines records. Returns 0, or -1
 * without memory.
 */
static int
claims_read(stralloc *claims)
{
	char const *lines = getenv(SUBMIT_ORIGIN);

	if (!stralloc_cats(claims, lines ? lines : "") || !stralloc_0(claims))
		return -1;
	for (size_t i = 0; i < claims->len; i++)
		if (claims->s[i] == '\n')
			claims->s[i] = '\0';
	return 0;
}

static int
take(struct origin const *origin, struct span me)
{
	static char buffer[READ_SIZE];

	intake_begin(&intake, origin, me);
	if (intake.code == QUEUE_OK)
		spool_mess_path(unfinished, intake.entry.id);
	if (message_read(buffer) == -1 || envelope_read(origin, buffer) == -1) {
		intake_abort(&intake);
		return QUEUE_READ;
	}
	return intake_commit(&intake);
}

int
command_run(uid_t uid, int has_reason, struct span me)
{
	stralloc claims = STRALLOC_ZERO;
	struct submitter submitter;
	struct origin origin;
	int code;

	signals_prepare();
	if (claims_read(&claims) == -1)
		return QUEUE_NO_MEMORY;
	submitter_identify(&submitter, uid);
	origin_decide(&origin, &submitter, span(claims.s, claims.len));
	code = take(&origin, me);
	stralloc_free(&claims);
	if (code == QUEUE_WRITE || code == QUEUE_FILE || code == QUEUE_CHDIR)
		complain(code);
	return code == intake.code ? code_told(has_reason) : code;
}
