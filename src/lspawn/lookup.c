#include "lspawn/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/durable.h"
#include "lib/exits.h"
#include "lib/privilege.h"
#include "lib/spawn.h"
#include "policy/accounts.h"
#include "policy/confinement.h"

enum { ANSWER = 1, DESCRIPTORS_MAX = 64 };

/* In the child: from here on nobody, with nothing but the pipe to answer and the log. */
static void
answer_and_exit(struct span local)
{
	stralloc answer = STRALLOC_ZERO;

	for (int fd = 3; fd < DESCRIPTORS_MAX; fd++)
		close(fd);
	if (privilege_become_owner("run/lookup") == -1 || getuid() == 0)
		account_trouble_format(&answer,
			SPAN_LITERAL("Unable to look up accounts: run/lookup must be there and "
				     "must not be root's. (#4.3.5)"));
	else {
		confinement_enter(CONFINEMENT_LOOKUP);
		if (!accounts_find(local, &answer))
			_exit(EXIT_TEMPORARY);
	}
	_exit(durable_write(ANSWER, answer.s, answer.len) == -1 ? EXIT_TEMPORARY : EXIT_OK);
}

/* Reads to the end. Returns the length, at most one over the limit; or -1. */
static ssize_t
answer_read(int fd, char *s, size_t max)
{
	int64_t deadline = clock_monotonic() + LOOKUP_SECONDS * INT64_C(1000);
	size_t len = 0;

	while (len < max) {
		struct pollfd x = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - clock_monotonic();
		ssize_t n;

		errno = ETIMEDOUT;
		if (left <= 0)
			return -1;
		if (poll(&x, 1, (int)left) == -1 && errno != EINTR)
			return -1;
		if (!x.revents)
			continue;
		n = read(fd, s + len, max - len);
		if (n == 0)
			break;
		if (n == -1 && errno != EINTR)
			return -1;
		if (n > 0)
			len += (size_t)n;
	}
	return (ssize_t)len;
}

static enum account_answer
say(struct lookup *lookup, char const *text)
{
	lookup->trouble = span_string(text);
	return ACCOUNT_TROUBLE;
}

enum account_answer
lookup_account(struct lookup *lookup, struct span local)
{
	int ends[2], kind;
	ssize_t len;
	pid_t pid;

	if (pipe(ends) == -1)
		return say(lookup, "Unable to make a pipe for an account lookup. (#4.3.0)");
	for (int i = 0; i < 2; i++)
		fcntl(ends[i], F_SETFD, FD_CLOEXEC);
	pid = spawn_fork((int[]){-1, ends[1], 2}, 3);
	if (pid == 0)
		answer_and_exit(local);
	close(ends[1]);
	if (pid == -1) {
		close(ends[0]);
		return say(lookup, "Unable to fork for an account lookup. (#4.3.0)");
	}
	len = answer_read(ends[0], lookup->answer, sizeof lookup->answer);
	close(ends[0]);
	if (len == -1)
		kill(pid, SIGKILL);
	spawn_wait(pid);
	if (len == -1)
		return say(lookup, "The account lookup took too long. (#4.3.0)");
	kind = account_parse(&lookup->account, &lookup->trouble, lookup->answer, (size_t)len);
	if (kind == -1)
		return say(lookup, "The account lookup failed or named an account that must not "
				   "get mail. (#4.3.0)");
	return (enum account_answer)kind;
}
