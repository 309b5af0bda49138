#include "remote/command.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/durable.h"
#include "lib/exits.h"
#include "lib/home.h"
#include "lib/text.h"
#include "remote/words.h"

static struct outcome outcome;

static void
answer_append(stralloc *out, char letter, struct answer const *answer)
{
	if (stralloc_catb(out, &letter, 1) && stralloc_catb(out, answer->text, answer->len))
		stralloc_0(out);
}

static char
recipient_letter(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_DELIVERED: return 'r';
	case VERDICT_FAILED: return 'h';
	default: return 's';
	}
}

static char
message_letter(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_DELIVERED: return 'K';
	case VERDICT_FAILED: return 'D';
	default: return 'Z';
	}
}

/* Where some recipients have an answer of their own each of them gets one; some may be good. */
static void
report_each(stralloc *out)
{
	struct answer const *message = &outcome.message;

	for (size_t i = 0; i < outcome.recipients; i++) {
		struct answer const *answer = outcome_answer(&outcome, i);

		answer_append(out, recipient_letter(answer->verdict), answer);
		if (answer->verdict == VERDICT_DELIVERED)
			message = answer;
	}
	answer_append(out, message_letter(message->verdict), message);
}

/* The reports, each ended by a NUL; always 0, for they say it all. */
static int
report(void)
{
	stralloc out = STRALLOC_ZERO;

	if (outcome_has_settled(&outcome)) {
		report_each(&out);
	} else {
		if (outcome.asked)
			for (size_t i = 0; i < outcome.recipients; i++)
				answer_append(&out, recipient_letter(outcome.recipient[i].verdict),
					&outcome.recipient[i]);
		answer_append(&out, message_letter(outcome.message.verdict), &outcome.message);
	}
	durable_write(STDOUT_FILENO, out.s, out.len);
	stralloc_free(&out);
	return EXIT_OK;
}

static int
report_trouble(char const *what, int error)
{
	stralloc text = STRALLOC_ZERO;

	text_append(&text, what, error ? ": " : "", error ? strerror(error) : "", ".", (char *)0);
	stralloc_0(&text);
	outcome_start(&outcome, 0);
	words_say(&outcome.message, VERDICT_TROUBLE, text.s, "4.3.0");
	stralloc_free(&text);
	return report();
}

/* Copies all of fd 0 to a file without a name. Returns its descriptor, or -1 with errno. */
static int
input_copy(void)
{
	static char block[64 * 1024];
	FILE *file = tmpfile();
	ssize_t n = -1;

	if (!file)
		return -1;
	for (;;) {
		n = read(STDIN_FILENO, block, sizeof block);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0 || durable_write(fileno(file), block, (size_t)n) == -1)
			break;
	}
	return n == 0 ? fileno(file) : -1; /* closed by our exit */
}

/* The message: fd 0 itself when it is a file at its start. Returns -1 with errno. */
static int
input_open(uint64_t *length)
{
	struct stat st;
	int fd = STDIN_FILENO;

	if (fstat(fd, &st) == -1)
		return -1;
	if (!S_ISREG(st.st_mode) || lseek(fd, 0, SEEK_CUR) != 0) {
		fd = input_copy();
		if (fd == -1 || fstat(fd, &st) == -1)
			return -1;
	}
	*length = (uint64_t)st.st_size;
	return fd;
}

/* Whether the message needs 8BITMIME: nobody says so on a command line. */
static enum body_type
body_type_of(int fd, uint64_t length)
{
	static struct source source;
	struct span block;

	source_init(&source, fd, length);
	for (uint64_t offset = 0; offset < length; offset += block.len) {
		if (source_block(&source, offset, &block) == -1)
			break;
		for (size_t i = 0; i < block.len; i++)
			if (block.s[i] < 0)
				return BODY_8BIT;
	}
	return BODY_7BIT;
}

static struct job job;

/* Returns 0; or -1 when it has been reported why not. */
static int
job_read(char **argv)
{
	job.destination = span_string(argv[0]);
	job.sender = span_string(argv[1]);
	for (char **recipient = argv + 2; *recipient; recipient++) {
		if (job.recipients == JOB_RECIPIENTS_MAX) {
			report_trouble("There are too many recipients for one time", 0);
			return -1;
		}
		job.recipient[job.recipients++] = span_string(*recipient);
	}
	if (home_enter() == -1) {
		report_trouble("Unable to enter the home directory", errno);
		return -1;
	}
	return 0;
}

int
command_run(struct remote *remote, char **argv)
{
	int fd;

	if (job_read(argv) == -1)
		return EXIT_OK;
	fd = input_open(&job.length);
	if (fd == -1)
		return report_trouble("Unable to read the message", errno);
	remote_confine(remote, job.destination);
	job.body = body_type_of(fd, job.length);
	remote_deliver(remote, &job, fd, &outcome);
	report();
	session_quit(&remote->session);
	return EXIT_OK;
}

int
command_try(struct remote *remote, char **argv)
{
	if (job_read(argv) == -1)
		return EXIT_OK;
	remote_confine(remote, job.destination);
	remote->session.is_trial = 1;
	remote_deliver(remote, &job, STDIN_FILENO, &outcome);
	report();
	session_quit(&remote->session);
	return EXIT_OK;
}
