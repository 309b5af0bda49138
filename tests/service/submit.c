/*
 * The client of the queue against a queue that a test plays: a process behind
 * run/queue/socket that does one of the things below, or a script in the place
 * of bin/tern-queue.
 */
#include "service/submit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap.h"
#include "wire/queueexit.h"
#include "wire/submission.h"

enum { PATIENCE = 30000 };

static char const socket_path[] = "run/queue/socket";

/*
 * The queue that is played. Its exit code is the number of connections times
 * ten and the number of whole submissions; what it read stands in the files
 * message, envelope and origin.
 */
static int connections, submissions;
static stralloc parts[3] = {STRALLOC_ZERO, STRALLOC_ZERO, STRALLOC_ZERO};
static char const *const part_files[3] = {"origin", "message", "envelope"};

static void
file_write(char const *path, char const *s, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	if (fd == -1 || write(fd, s, len) != (ssize_t)len || fchmod(fd, mode) == -1)
		_exit(99);
	close(fd);
}

static int
read_whole(int fd, char *s, size_t len)
{
	while (len) {
		ssize_t n = read(fd, s, len);

		if (n <= 0)
			return -1;
		s += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Returns 0 for a whole submission, or -1 at the end of the connection. */
static int
submission_read(int fd)
{
	static char bytes[SUBMISSION_FRAME_MAX];
	char header[SUBMISSION_HEADER];
	enum submission_frame frame;
	size_t len;

	for (int i = 0; i < 3; i++)
		parts[i].len = 0;
	do {
		if (read_whole(fd, header, sizeof header) == -1)
			return -1;
		if (submission_header_parse(&frame, &len, header) == -1 ||
			read_whole(fd, bytes, len) == -1)
			_exit(98);
		stralloc_catb(&parts[frame == FRAME_ORIGIN     ? 0
				      : frame == FRAME_MESSAGE ? 1
							       : 2],
			bytes, len);
	} while (frame != FRAME_ENVELOPE || len == SUBMISSION_FRAME_MAX);
	submissions++;
	for (int i = 0; i < 3; i++)
		file_write(part_files[i], parts[i].s, parts[i].len, 0644);
	return 0;
}

static int
next_connection(int listener)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};

	if (poll(&p, 1, PATIENCE) != 1)
		_exit(97);
	connections++;
	return accept(listener, NULL, NULL);
}

static void
say(int fd, char const *answer)
{
	if (write(fd, answer, strlen(answer)) == -1)
		_exit(96);
}

static void
play_all(int listener)
{
	int fd = next_connection(listener);

	while (submission_read(fd) == 0)
		say(fd, "0 123 45\n");
}

static void
play_leaves_after_each(int listener)
{
	for (int i = 0; i < 2; i++) {
		int fd = next_connection(listener);

		if (submission_read(fd) == 0)
			say(fd, "0 123 45\n");
		close(fd);
	}
}

static void
play_leaves_unread(int listener)
{
	int fd = next_connection(listener);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (submission_read(fd) == 0)
		say(fd, "0 123 45\n");
	if (poll(&p, 1, PATIENCE) != 1)
		_exit(95);
	close(fd); /* with a message unread */
	play_all(listener);
}

static void
play_dies_before_answer(int listener)
{
	int fd = next_connection(listener);

	if (submission_read(fd) == 0)
		say(fd, "0 123 45\n");
	submission_read(fd);
	close(fd);
}

static void
play_busy(int listener)
{
	int fd = next_connection(listener);

	say(fd, "71 too many\n");
	close(fd);
}

static void
play_refuses_early(int listener)
{
	int fd = next_connection(listener);
	char bytes[1000];

	if (read_whole(fd, bytes, sizeof bytes) == 0)
		say(fd, "91 what is that\n");
	close(fd);
}

static void
play_nonsense(int listener)
{
	int fd = next_connection(listener);

	if (submission_read(fd) == 0)
		say(fd, "250 ok\r\n");
	close(fd);
}

/* Answers questions for the room, all with the same, and leaves with no other word. */
static char const *room;

static void
play_room(int listener)
{
	int fd = next_connection(listener);
	char header[SUBMISSION_HEADER];

	while (read_whole(fd, header, sizeof header) == 0) {
		if (memcmp(header, "R\0\0\0\0", sizeof header) != 0)
			_exit(94);
		submissions++;
		if (!room)
			break;
		say(fd, room);
	}
	close(fd);
}

typedef void play_function(int);

/* Starts the queue. Returns its pid. */
static pid_t
play(play_function *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	memcpy(address.sun_path, socket_path, sizeof socket_path);
	if (listener == -1 || bind(listener, (struct sockaddr *)&address, sizeof address) == -1 ||
		listen(listener, 5) == -1)
		exit(99);
	pid = fork();
	if (pid == 0) {
		f(listener);
		_exit(connections * 10 + submissions);
	}
	close(listener);
	return pid;
}

/* Removes the socket, waits for the queue. Returns its exit code. */
static int
played(pid_t pid)
{
	int status;

	unlink(socket_path);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void
file_is(char const *path, char const *want, size_t len, char const *name)
{
	static char got[2 * 1024 * 1024];
	int fd = open(path, O_RDONLY);
	size_t n = 0;
	ssize_t r = 0;

	while (fd != -1 && n < sizeof got && (r = read(fd, got + n, sizeof got - n)) > 0)
		n += (size_t)r;
	close(fd);
	ok(n == len && memcmp(got, want, len) == 0, "%s", name);
}

static char const envelope[] = "Fa@b\0Tc@d"; /* with its ending NUL, a whole record */

static int
submit(struct submit *s, struct submit_result *result, struct span message)
{
	if (submit_begin(s, SPAN_LITERAL("vnetwork\0h.\0"), result) == -1)
		return -1;
	submit_envelope(s, span(envelope, sizeof envelope));
	submit_message(s, span(message.s, message.len / 2));
	submit_message(s, span(message.s + message.len / 2, message.len - message.len / 2));
	return submit_finish(s, result);
}

static void
test_service(void)
{
	static char large[1024 * 1024];
	struct submit s = SUBMIT_ZERO;
	struct submit_result result;
	pid_t pid = play(play_all);

	memset(large, 'x', sizeof large);
	ok(submit(&s, &result, SPAN_LITERAL("Subject: x\n\nhello\n")) == 0, "a message is taken");
	ok(result.code == 0 && result.id == 123 && result.pid == 45, "its id and pid come back");
	file_is("message", "Subject: x\n\nhello\n", 18, "the text arrives");
	file_is("envelope", "Fa@b\0Tc@d\0", 11, "the envelope, completed");
	file_is("origin", "vnetwork\0h.\0", 12, "the origin");
	ok(submit(&s, &result, span("", 0)) == 0, "an empty message");
	file_is("message", "", 0, "is empty");
	ok(submit(&s, &result, span(large, sizeof large)) == 0, "a message of 1 MiB");
	file_is("message", large, sizeof large, "arrives whole");
	ok(s.message.a < 256 * 1024, "in bounded memory");
	for (size_t len = SUBMIT_GATHER - 1; len <= SUBMIT_GATHER + 1; len++) {
		ok(submit(&s, &result, span(large, len)) == 0, "a message of %zu bytes", len);
		file_is("message", large, len, "arrives whole");
	}
	submit_begin(&s, span("", 0), &result);
	submit_message(&s, SPAN_LITERAL("never"));
	submit_abort(&s);
	ok(submit(&s, &result, SPAN_LITERAL("after\n")) == 0, "a message after one given up");
	file_is("message", "after\n", 6, "is itself");
	submit_close(&s);
	ok(played(pid) == 17, "all that on one connection");
}

/* Two messages; returns the queue's exit code. */
static int
two(play_function *f, struct submit_result *second)
{
	struct submit s = SUBMIT_ZERO;
	struct submit_result first;
	pid_t pid = play(f);
	int code;

	submit(&s, &first, SPAN_LITERAL("first\n"));
	submit(&s, second, SPAN_LITERAL("second\n"));
	code = played(pid);
	submit_close(&s);
	return code;
}

static void
test_leaving(void)
{
	struct submit_result result;
	struct submit s = SUBMIT_ZERO;
	pid_t pid;

	ok(two(play_leaves_after_each, &result) == 22 && result.code == 0,
		"a queue that leaves after each message is found again");
	file_is("message", "second\n", 7, "with the second message");
	pid = play(play_leaves_unread);
	submit(&s, &result, SPAN_LITERAL("first\n"));
	ok(submit(&s, &result, SPAN_LITERAL("second\n")) == 0,
		"one that leaves a message unread is asked again");
	submit_close(&s);
	ok(played(pid) == 22, "and gets it once");
	ok(two(play_dies_before_answer, &result) == 12 && result.code == QUEUE_UNREACHABLE,
		"one that leaves a message unanswered is not, for it may have it");
}

static void
check_room(char const *answer, uint64_t size, int want, int keeps)
{
	struct submit s = SUBMIT_ZERO;
	char line[64];
	pid_t pid;
	int good;

	snprintf(line, sizeof line, "%s\n", answer);
	room = *answer ? line : NULL;
	pid = play(play_room);
	good = submit_connect(&s) == 0 && submit_has_room(&s, size) == want;
	ok(good && submit_has_room(&s, size) == want, "\"%s\" for %llu bytes: %s", answer,
		(unsigned long long)size, want ? "room" : "no room");
	ok((s.socket != -1) == keeps, "... and the connection %s", keeps ? "stays" : "goes");
	submit_close(&s);
	ok(played(pid) == 11, "... after one question");
}

static void
test_room(void)
{
	struct submit s = SUBMIT_ZERO;
	pid_t pid;

	check_room("0 1000", 999, 1, 1);
	check_room("0 1000", 1000, 0, 1);
	check_room("0 1000", 0, 1, 1);
	check_room("0 18446744073709551614", UINT64_MAX - 1, 0, 1);
	check_room("0 18446744073709551615", UINT64_MAX, 1, 1);
	check_room("53 full", 0, 0, 1);
	check_room("71 too many", 0, 1, 0);
	check_room("0 much", 0, 1, 0);
	check_room("0 18446744073709551616", 0, 1, 0);
	check_room("yes", 0, 1, 0);
	check_room("", 0, 1, 0);

	room = "53 full\n";
	pid = play(play_room);
	ok(submit_has_room(&s, SUBMIT_ROOM_ASK - 1) && s.socket == -1,
		"for a small message nobody connects to ask");
	ok(!submit_has_room(&s, SUBMIT_ROOM_ASK) && !submit_has_room(&s, 1),
		"for a large one they do, and know it for the next");
	submit_close(&s);
	ok(played(pid) == 11, "... with one question");
	setenv("QMAILQUEUE", "/bin/false", 1);
	ok(submit_has_room(&s, UINT64_MAX), "a program in the queue's place is not asked");
	unsetenv("QMAILQUEUE");
	ok(submit_has_room(&s, UINT64_MAX), "where no service is there is room");
}

static void
test_refusals(void)
{
	static char large[1024 * 1024];
	struct submit s = SUBMIT_ZERO;
	struct submit_result result;
	pid_t pid = play(play_busy);

	submit(&s, &result, SPAN_LITERAL("x\n"));
	ok(result.code == QUEUE_DEFERRED && strcmp(result.text, "too many") == 0,
		"a busy queue's answer comes back");
	submit_close(&s);
	played(pid);
	pid = play(play_refuses_early);
	submit(&s, &result, span(large, sizeof large));
	ok(result.code == QUEUE_FORMAT, "so does one in the midst of a message");
	submit_close(&s);
	played(pid);
	pid = play(play_nonsense);
	submit(&s, &result, SPAN_LITERAL("x\n"));
	ok(result.code == QUEUE_UNREACHABLE, "nonsense is no answer");
	submit_close(&s);
	played(pid);
}

static void
command_is(char const *path, char const *script)
{
	stralloc text = STRALLOC_ZERO;

	stralloc_cats(&text, "#!/bin/sh\ncat >message\ncat <&1 >envelope\n"
			     "printf %s \"$TERN_ORIGIN\" >origin\n");
	stralloc_cats(&text, script);
	file_write(path, text.s, text.len, 0755);
	stralloc_free(&text);
}

static struct {
	char const *script;
	int code;
	char const *text; /* NULL: the code's */
} const commands[] = {
	{"exit 0", 0, NULL},
	{"exit 53", QUEUE_WRITE, NULL},
	{"exit 31", QUEUE_REFUSED, NULL},
	{"exit 11", QUEUE_ADDRESS_TOO_LONG, NULL},
	{"exit 120", QUEUE_UNREACHABLE,
		"neither the queue's service nor its program can be reached"},
	{"printf 'Dtoo pretty' >&6; exit 82", QUEUE_REFUSED, "too pretty"},
	{"printf 'Znot\\n now' >&6; exit 82", QUEUE_DEFERRED, "not? now"},
	{"exit 82", QUEUE_DEFERRED, NULL},
	{"printf D >&6; exit 82", QUEUE_REFUSED, NULL},
	{"printf 'Dunheard' >&6; exit 31", QUEUE_REFUSED, NULL},
	{"head -c 100000 /dev/zero >&6; exit 71", QUEUE_DEFERRED, NULL},
	{"kill -KILL $$", QUEUE_INTERNAL, "the queue program crashed"},
};

static void
test_command(void)
{
	struct submit s = SUBMIT_ZERO;
	struct submit_result result;

	submit(&s, &result, SPAN_LITERAL("hello\n"));
	ok(result.code == QUEUE_UNREACHABLE, "neither service nor command");
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		char const *text = commands[i].text;

		command_is("bin/tern-queue", commands[i].script);
		submit(&s, &result, SPAN_LITERAL("hello\n"));
		ok(result.code == commands[i].code, "command: %s", commands[i].script);
		if (!text)
			text = queue_exit_text(result.code);
		same(result.text, strlen(result.text), text, strlen(text), "its text");
		file_is("message", "hello\n", 6, "the text arrives");
		file_is("envelope", "Fa@b\0Tc@d\0", 11, "the envelope, completed");
		file_is("origin", "vnetwork\nh.\n", 12, "the origin, in the environment");
	}
	file_write("bin/tern-queue", "#!/bin/sh\nexit 53\n", 18, 0755);
	submit(&s, &result, span(commands[0].script, 1));
	ok(result.code == QUEUE_WRITE, "a command that reads nothing");
	unlink("bin/tern-queue");
	command_is("filter", "exit 31");
	setenv("QMAILQUEUE", "./filter", 1);
	submit(&s, &result, SPAN_LITERAL("hello\n"));
	ok(result.code == QUEUE_REFUSED, "QMAILQUEUE names another command");
	unsetenv("QMAILQUEUE");
	submit_close(&s);
}

/* The queue goes away between two messages, and its command takes the second. */
static void
test_service_to_command(void)
{
	struct submit s = SUBMIT_ZERO;
	struct submit_result result;
	pid_t pid = play(play_all);

	command_is("bin/tern-queue", "exit 0");
	submit(&s, &result, SPAN_LITERAL("first\n"));
	kill(pid, SIGKILL);
	played(pid);
	ok(submit(&s, &result, SPAN_LITERAL("second\n")) == 0,
		"when the service dies, the command takes the message");
	file_is("message", "second\n", 7, "whole");
	file_is("envelope", "Fa@b\0Tc@d\0", 11, "and its envelope");
	submit_close(&s);
}

int
main(void)
{
	char home[] = "/tmp/tern-submit.XXXXXX";
	char remove_home[64];

	if (!mkdtemp(home) || chdir(home) == -1 || mkdir("run", 0755) == -1 ||
		mkdir("run/queue", 0755) == -1 || mkdir("bin", 0755) == -1)
		return 99;
	unsetenv("QMAILQUEUE");
	unsetenv("TERN_ORIGIN");
	test_command();
	test_service();
	test_leaving();
	test_room();
	test_refusals();
	test_service_to_command();
	snprintf(remove_home, sizeof remove_home, "rm -rf %s", home);
	ok(chdir("/") == 0 && system(remove_home) == 0, "nothing is left behind");
	return tap_end();
}
