#include "service/submitcommand.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/spawn.h"
#include "lib/text.h"
#include "wire/queueexit.h"

enum { REASON_FD = 6, CHILD_FDS = 7, EXIT_NO_PROGRAM = 120 };

void
submit_result_set(struct submit_result *result, int code, char const *text)
{
	result->code = code;
	result->id = 0;
	result->pid = 0;
	snprintf(result->text, sizeof result->text, "%s", text ? text : queue_exit_text(code));
}

int
submit_socket_prepare(int socket)
{
	struct timeval timeout = {.tv_sec = SUBMIT_TIMEOUT};

	if (fcntl(socket, F_SETFD, FD_CLOEXEC) == -1 ||
		setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == -1)
		return -1;
	return setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

int
submit_send(int socket, struct span bytes)
{
	while (bytes.len) {
		ssize_t n = send(socket, bytes.s, bytes.len, MSG_NOSIGNAL);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		bytes = span(bytes.s + n, bytes.len - (size_t)n);
	}
	return 0;
}

static void
close_end(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

/* Sockets where others use pipes: no signal when the command has gone, and waits are bounded. */
static int
pair_make(int *ours, int *its)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		return -1;
	*ours = pair[0];
	*its = pair[1];
	return submit_socket_prepare(pair[0]) == -1 || fcntl(pair[1], F_SETFD, FD_CLOEXEC) == -1
		       ? -1
		       : 0;
}

/* In the child. */
static _Noreturn void
command_exec(char const *program, struct span origin)
{
	char *argv[] = {(char *)program, NULL};
	stralloc lines = STRALLOC_ZERO;

	if (!stralloc_catb(&lines, origin.s, origin.len) || !stralloc_0(&lines))
		_exit(EXIT_NO_PROGRAM);
	for (size_t i = 0; i < origin.len; i++)
		if (lines.s[i] == '\0')
			lines.s[i] = '\n';
	if (origin.len ? setenv(SUBMIT_ORIGIN, lines.s, 1) == 0 : unsetenv(SUBMIT_ORIGIN) == 0)
		execv(program, argv);
	_exit(EXIT_NO_PROGRAM);
}

int
submit_command_start(
	struct submit *s, char const *program, struct span origin, struct submit_result *result)
{
	int fds[CHILD_FDS] = {-1, -1, 2, -1, -1, -1, -1};
	pid_t pid = -1;

	if (pair_make(&s->child_message, &fds[0]) == 0 &&
		pair_make(&s->child_envelope, &fds[1]) == 0 &&
		pair_make(&s->child_reason, &fds[REASON_FD]) == 0)
		pid = spawn_fork(fds, CHILD_FDS);
	if (pid == 0)
		command_exec(program, origin);
	close_end(&fds[0]);
	close_end(&fds[1]);
	close_end(&fds[REASON_FD]);
	if (pid == -1) {
		submit_result_set(result, QUEUE_UNREACHABLE, NULL);
		close_end(&s->child_message);
		close_end(&s->child_envelope);
		close_end(&s->child_reason);
		return -1;
	}
	s->child = (int)pid;
	return 0;
}

/* Returns the bytes read up to the end, or -1 when that did not come in time. */
static ssize_t
reason_read(int fd, char *reason, size_t max)
{
	char surplus[256];
	size_t len = 0;

	for (;;) {
		ssize_t n = len < max ? read(fd, reason + len, max - len)
				      : read(fd, surplus, sizeof surplus);

		if (n == 0)
			return (ssize_t)len;
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : (ssize_t)len;
		if (len < max)
			len += (size_t)n;
	}
}

/* Waits for the end of the command, and ends it when it takes too long. Returns its status. */
static int
child_end(struct submit *s, char *reason, size_t max, ssize_t *reason_len)
{
	int status;

	*reason_len = reason_read(s->child_reason, reason, max);
	if (*reason_len == -1) {
		kill(s->child, SIGTERM);
		if (reason_read(s->child_reason, reason, max) == -1)
			kill(s->child, SIGKILL);
		*reason_len = 0;
	}
	close_end(&s->child_reason);
	status = spawn_wait(s->child);
	s->child = 0;
	return status;
}

static void
result_of_custom(struct submit_result *result, char const *reason, size_t len)
{
	stralloc text = STRALLOC_ZERO;
	int code = len && reason[0] == 'D' ? QUEUE_REFUSED : QUEUE_DEFERRED;

	if (len > 1 && text_append_clean(&text, span(reason + 1, len - 1)) && stralloc_0(&text))
		submit_result_set(result, code, text.s);
	else
		submit_result_set(result, code, NULL);
	stralloc_free(&text);
}

static void
result_of_status(
	struct submit_result *result, int status, int broken, char const *reason, size_t reason_len)
{
	int code = status == -1 ? -1 : spawn_exit_code(status);

	switch (code) {
	case -1: submit_result_set(result, QUEUE_INTERNAL, "the queue program crashed"); break;
	case EXIT_NO_PROGRAM:
		submit_result_set(result, QUEUE_UNREACHABLE,
			"neither the queue's service nor its program can be reached");
		break;
	case QUEUE_CUSTOM: result_of_custom(result, reason, reason_len); break;
	case QUEUE_OK: submit_result_set(result, broken, NULL); break;
	default: submit_result_set(result, code, NULL);
	}
}

void
submit_command_finish(struct submit *s, struct submit_result *result)
{
	char reason[SUBMIT_REASON_MAX];
	ssize_t reason_len;
	unsigned long pid = (unsigned long)s->child;
	int status;

	close_end(&s->child_message);
	if (!s->broken &&
		submit_send(s->child_envelope, span(s->envelope.s, s->envelope.len)) == -1)
		s->broken = QUEUE_UNREACHABLE;
	close_end(&s->child_envelope);
	status = child_end(s, reason, sizeof reason, &reason_len);
	result_of_status(result, status, s->broken, reason, (size_t)reason_len);
	result->pid = pid;
}

void
submit_command_abort(struct submit *s)
{
	char reason[SUBMIT_REASON_MAX];
	ssize_t reason_len;

	close_end(&s->child_message);
	close_end(&s->child_envelope);
	child_end(s, reason, sizeof reason, &reason_len);
}
