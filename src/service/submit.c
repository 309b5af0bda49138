#include "service/submit.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/number.h"
#include "service/submitcommand.h"
#include "wire/queueexit.h"
#include "wire/submission.h"

static char const service_path[] = "run/queue/socket";
static char const command_path[] = "bin/tern-queue";

/* Connects to the service. Returns 0, or -1 when it can not be reached. */
static int
service_connect(struct submit *s)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd == -1)
		return -1;
	memcpy(address.sun_path, service_path, sizeof service_path);
	if (submit_socket_prepare(fd) == -1 ||
		connect(fd, (struct sockaddr *)&address, sizeof address) == -1) {
		close(fd);
		return -1;
	}
	s->socket = fd;
	s->is_warm = 0;
	return 0;
}

static void
service_leave(struct submit *s)
{
	if (s->socket != -1)
		close(s->socket);
	s->socket = -1;
}

/* The program to use in place of the service and our command, or NULL. */
static char const *
program_given(void)
{
	char const *program = getenv("QMAILQUEUE");

	return program && *program ? program : NULL;
}

/* Opens a way to the queue. Returns 0, or -1 with *result. */
static int
way_open(struct submit *s, struct submit_result *result)
{
	char const *program = program_given();
	struct span origin = span(s->origin.s, s->origin.len);

	if (program)
		return submit_command_start(s, program, origin, result);
	if (s->socket != -1 || service_connect(s) == 0)
		return 0;
	if (s->service_only) {
		submit_result_set(result, QUEUE_UNREACHABLE, NULL);
		return -1;
	}
	return submit_command_start(s, command_path, origin, result);
}

int
submit_connect(struct submit *s)
{
	if (s->socket != -1)
		return 0;
	if (service_connect(s) == -1)
		return -1;
	s->is_warm = 1; /* it may be left while it waits, as one between two messages */
	return 0;
}

/* Appends an empty frame of the message, to be filled. Returns 1, or 0 without memory. */
static int
frame_open(struct submit *s)
{
	char header[SUBMISSION_HEADER];

	s->frame = s->message.len;
	s->frame_len = 0;
	submission_header_format(header, FRAME_MESSAGE, 0);
	return stralloc_catb(&s->message, header, sizeof header);
}

static int
frame_append(stralloc *sa, enum submission_frame frame, struct span bytes)
{
	char header[SUBMISSION_HEADER];

	submission_header_format(header, frame, bytes.len);
	return stralloc_catb(sa, header, sizeof header) && stralloc_catb(sa, bytes.s, bytes.len);
}

/* The bytes of the message that wait, without frames. */
static struct span
message_waiting(struct submit const *s)
{
	return span(s->message.s + s->frame + SUBMISSION_HEADER, s->frame_len);
}

int
submit_begin(struct submit *s, struct span origin, struct submit_result *result)
{
	if (s->is_begun)
		submit_abort(s);
	s->message.len = s->envelope.len = s->origin.len = 0;
	s->broken = s->is_streaming = 0;
	if (!stralloc_catb(&s->origin, origin.s, origin.len) ||
		(origin.len && !frame_append(&s->message, FRAME_ORIGIN, origin)) ||
		!frame_open(s)) {
		submit_result_set(result, QUEUE_NO_MEMORY, NULL);
		return -1;
	}
	if (way_open(s, result) == -1)
		return -1;
	s->is_begun = 1;
	return 0;
}

/*
 * The service may leave a connection between two messages. Then it has not
 * read all of this one, and so has not taken it: the message may go by another
 * way, once, while we still have all of it.
 */
static int
may_reopen(struct submit const *s, int error)
{
	return s->is_warm && !s->is_streaming && (error == EPIPE || error == ECONNRESET);
}

static int waiting_send(struct submit *s);

/* Returns 0, or -1 with errno. */
static int
way_reopen(struct submit *s)
{
	struct submit_result ignored;

	service_leave(s);
	if (way_open(s, &ignored) == -1) {
		errno = ECONNREFUSED;
		return -1;
	}
	return waiting_send(s);
}

/* Whether the service has said something before it had all of a message: why it wants none. */
static int
answer_waits(struct submit const *s)
{
	char byte;

	return recv(s->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

/* Sends what waits, and keeps it. Returns 0, or -1 with errno. */
static int
waiting_send(struct submit *s)
{
	int error;

	if (s->child)
		return submit_send(s->child_message, message_waiting(s));
	if (submit_send(s->socket, span(s->message.s, s->message.len)) == 0)
		return 0;
	error = errno;
	if (may_reopen(s, error) && !answer_waits(s))
		return way_reopen(s);
	errno = error;
	return -1;
}

/* Writes the length of the last frame into its header. */
static void
frame_close(struct submit *s)
{
	submission_header_format(s->message.s + s->frame, FRAME_MESSAGE, s->frame_len);
}

static void
message_stream(struct submit *s)
{
	frame_close(s);
	if (waiting_send(s) == -1) {
		s->broken = QUEUE_UNREACHABLE;
		return;
	}
	s->is_streaming = 1;
	s->message.len = 0;
	if (!frame_open(s))
		s->broken = QUEUE_NO_MEMORY;
}

void
submit_message(struct submit *s, struct span bytes)
{
	while (bytes.len && !s->broken) {
		size_t room = SUBMIT_GATHER - s->frame_len;
		size_t n = bytes.len < room ? bytes.len : room;

		if (!stralloc_catb(&s->message, bytes.s, n))
			s->broken = QUEUE_NO_MEMORY;
		s->frame_len += n;
		if (!s->broken && n == room)
			message_stream(s);
		bytes = span(bytes.s + n, bytes.len - n);
	}
}

void
submit_envelope(struct submit *s, struct span bytes)
{
	if (!s->broken && !stralloc_catb(&s->envelope, bytes.s, bytes.len))
		s->broken = QUEUE_NO_MEMORY;
}

/* Appends the envelope to what waits. Returns 1, or 0 without memory. */
static int
envelope_append_frames(struct submit *s)
{
	struct span rest = span(s->envelope.s, s->envelope.len);

	while (rest.len) {
		size_t n = rest.len < SUBMISSION_FRAME_MAX ? rest.len : SUBMISSION_FRAME_MAX;

		if (!frame_append(&s->message, FRAME_ENVELOPE, span(rest.s, n)))
			return 0;
		rest = span(rest.s + n, rest.len - n);
	}
	return 1;
}

/*
 * Linux wakes who waits in recv also when the service reads what we wrote, but
 * not who waits in poll. Returns 0, or -1 with errno.
 */
static int
answer_wait(struct submit const *s, int seconds)
{
	struct pollfd p = {.fd = s->socket, .events = POLLIN};
	int r;

	do
		r = poll(&p, 1, seconds * 1000);
	while (r == -1 && errno == EINTR);
	if (r == 0)
		errno = EAGAIN;
	return r == 1 ? 0 : -1;
}

/*
 * Waits so long for each piece; 0: takes what is there. Returns the length of the
 * line, 0 at the end of input, or -1 with errno.
 */
static ssize_t
answer_read(struct submit *s, char line[SUBMISSION_ANSWER_MAX], int seconds)
{
	size_t len = 0;

	while (len < SUBMISSION_ANSWER_MAX && (len == 0 || line[len - 1] != '\n')) {
		ssize_t n;

		if (seconds && answer_wait(s, seconds) == -1)
			return -1;
		n = recv(s->socket, line + len, SUBMISSION_ANSWER_MAX - len, MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* For code 0 the text is "ID PID". */
static void
result_of_answer(struct submit_result *result, struct submission_answer const *answer)
{
	struct span rest = answer->text;
	size_t len = rest.len < sizeof result->text ? rest.len : sizeof result->text - 1;
	uint64_t id, pid;

	submit_result_set(result, answer->code, "");
	memcpy(result->text, answer->text.s, len);
	result->text[len] = '\0';
	if (answer->code != QUEUE_OK)
		return;
	if (number_parse(span_cut(&rest, ' '), UINT64_MAX, &id) == 0 &&
		number_parse(rest, UINT32_MAX, &pid) == 0) {
		result->id = id;
		result->pid = (unsigned long)pid;
	}
}

/* Reads the answer and keeps the connection, or leaves it. Returns 0, or -1 with errno. */
static int
answer_take(struct submit *s, struct submit_result *result, int seconds)
{
	char line[SUBMISSION_ANSWER_MAX];
	struct submission_answer answer;
	ssize_t n = answer_read(s, line, seconds);

	if (n == -1)
		return -1;
	if (n == 0 || line[n - 1] != '\n' ||
		submission_answer_parse(&answer, line, (size_t)n) == -1) {
		errno = EPROTO;
		return -1;
	}
	result_of_answer(result, &answer);
	s->is_warm = 1;
	return 0;
}

/* The same, and by another way if the service has left this one before it read the message. */
static int
answer_await(struct submit *s, struct submit_result *result)
{
	if (answer_take(s, result, SUBMIT_TIMEOUT) == 0)
		return 0;
	if (!may_reopen(s, errno) || way_reopen(s) == -1 || s->child)
		return -1;
	return answer_take(s, result, SUBMIT_TIMEOUT);
}

/* What became of a message that went to the service. */
static void
service_finish(struct submit *s, struct submit_result *result)
{
	/* It may have said why it does not read on. */
	if (s->broken == QUEUE_UNREACHABLE && answer_take(s, result, 0) == 0 &&
		result->code != QUEUE_OK) {
		service_leave(s);
		return;
	}
	submit_result_set(result, s->broken ? s->broken : QUEUE_UNREACHABLE, NULL);
	service_leave(s);
}

/* Sends what is left of a good message. */
static void
message_complete(struct submit *s)
{
	frame_close(s);
	if (!stralloc_0(&s->envelope) || !envelope_append_frames(s))
		s->broken = QUEUE_NO_MEMORY;
	else if (waiting_send(s) == -1)
		s->broken = QUEUE_UNREACHABLE;
}

/* Asks the service for the room; what can not be asked is no reason to refuse anything. */
static void
room_ask(struct submit *s)
{
	char header[SUBMISSION_HEADER];
	struct submit_result result;

	s->room = UINT64_MAX;
	submission_header_format(header, FRAME_ROOM, 0);
	if (submit_send(s->socket, span(header, sizeof header)) == -1 ||
		answer_take(s, &result, SUBMIT_ROOM_TIMEOUT) == -1)
		service_leave(s);
	else if (result.code == QUEUE_WRITE)
		s->room = 0;
	else if (result.code != QUEUE_OK ||
		 number_parse(span_string(result.text), UINT64_MAX, &s->room) == -1)
		service_leave(s);
}

int
submit_has_room(struct submit *s, uint64_t size)
{
	int64_t now = clock_monotonic();

	if (s->is_begun || program_given())
		return 1;
	if (s->room_at == 0 || now - s->room_at >= SUBMIT_ROOM_AGE) {
		if (s->socket == -1 && (size < SUBMIT_ROOM_ASK || service_connect(s) == -1))
			return 1;
		s->room_at = now;
		room_ask(s);
	}
	return s->room > size || s->room == UINT64_MAX;
}

int
submit_finish(struct submit *s, struct submit_result *result)
{
	s->is_begun = 0;
	if (!s->broken)
		message_complete(s);
	if (!s->child && !s->broken && answer_await(s, result) == 0)
		return result->code == QUEUE_OK ? 0 : -1;
	if (s->child)
		submit_command_finish(s, result);
	else
		service_finish(s, result);
	return result->code == QUEUE_OK ? 0 : -1;
}

void
submit_abort(struct submit *s)
{
	if (s->child)
		submit_command_abort(s);
	else if (s->is_streaming)
		service_leave(s); /* which discards what it has */
	s->is_begun = 0;
}

void
submit_close(struct submit *s)
{
	struct submit empty = SUBMIT_ZERO;

	empty.service_only = s->service_only;
	if (s->is_begun)
		submit_abort(s);
	service_leave(s);
	stralloc_free(&s->message);
	stralloc_free(&s->envelope);
	stralloc_free(&s->origin);
	*s = empty;
}
