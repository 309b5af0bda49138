/*
 * tern-bounce - tell senders what became of their mail
 *
 * Started by  tern-start, as the owner of run/bounce; the working directory is
 *             the home. By hand: tern-bounce ENTRY HISTORY [KIND] prints the notice.
 * fd 0        a SOCK_SEQPACKET socket to tern-send: a packet for each message
 *             (wire/bouncejob.h) with the descriptors of its entry and its
 *             history, answered in order when the notice is on disk or not.
 * fd 1        the notice, by hand.
 * fd 2        log lines.
 * Touches     control/me bouncefrom bouncehost doublebounceto doublebouncehost
 *             bouncemaxbytes queuelifetime; the queue's socket, or else bin/tern-queue.
 *             The queue itself only by the descriptors it is given.
 * Trusts      send to name messages that have something to tell and to verify entries; nobody about
 *             what they hold: foreign words are cleaned, the original is copied
 *             and never looked into.
 * Exits       0 when send closes descriptor 0; 100 when send breaks the
 *             protocol or the use is wrong; 111 when the system fails us.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bounce/notice.h"
#include "lib/exits.h"
#include "lib/home.h"
#include "lib/number.h"
#include "lib/packet.h"
#include "policy/confinement.h"
#include "wire/answer.h"
#include "wire/bouncejob.h"
#include "wire/queueexit.h"

_Noreturn static void
die(int code, char const *what, char const *why)
{
	fprintf(stderr, "tern-bounce: fatal: %s%s%s\n", what, why ? ": " : "", why ? why : "");
	exit(code);
}

static struct submit submit = SUBMIT_ZERO;

/* Hands the notice to the queue; *text becomes "ID PID", or why it is not there. */
static enum verdict
notice_queue(struct notice const *notice, struct original const *original,
	struct settings const *settings, uint64_t message, char text[REPORT_TEXT_MAX])
{
	struct notice_output output = {&submit, -1, 0};
	struct submit_result result;
	stralloc envelope = STRALLOC_ZERO;

	if (submit_begin(&submit, span("vbounce", sizeof "vbounce"), &result) == 0) {
		notice_write(&output, notice, original, settings, message);
		if (output.failed || !notice_envelope(&envelope, notice)) {
			submit_abort(&submit);
			result.code = QUEUE_INTERNAL;
			snprintf(result.text, sizeof result.text, "the notice can not be written");
		} else {
			submit_envelope(&submit, span(envelope.s, envelope.len));
			submit_finish(&submit, &result);
		}
	}
	stralloc_free(&envelope);
	if (result.code == QUEUE_OK)
		snprintf(text, REPORT_TEXT_MAX, "%llu %lu", result.id, result.pid);
	else
		snprintf(text, REPORT_TEXT_MAX, "%s", result.text);
	return result.code == QUEUE_OK ? VERDICT_DELIVERED : VERDICT_TROUBLE;
}

static enum verdict
trouble(char text[REPORT_TEXT_MAX], char const *why)
{
	snprintf(text, REPORT_TEXT_MAX, "%s", why);
	return VERDICT_TROUBLE;
}

static enum verdict
notice_send(struct original const *original, struct settings const *settings,
	struct bounce_job const *job, char text[REPORT_TEXT_MAX])
{
	struct notice notice = NOTICE_ZERO;
	char const *why = notice_plan(&notice, job->kind, original, settings);
	enum verdict verdict;

	if (why) {
		verdict = trouble(text, why);
	} else if (notice.reader == READER_NONE) {
		verdict = VERDICT_FAILED;
		snprintf(text, REPORT_TEXT_MAX, "nobody is to be told");
	} else {
		verdict = notice_queue(&notice, original, settings, job->message, text);
	}
	stralloc_free(&notice.recipient);
	return verdict;
}

/* What became of one job, with words of at most REPORT_TEXT_MAX bytes. */
static enum verdict
job_do(struct bounce_job const *job, int entry, int history, char text[REPORT_TEXT_MAX])
{
	struct original original = ORIGINAL_ZERO;
	struct settings settings = SETTINGS_ZERO;
	stralloc complaint = STRALLOC_ZERO;
	char const *why = original_read(&original, entry, history);
	enum verdict verdict;

	if (why)
		verdict = trouble(text, why);
	else if (settings_read(&settings, &complaint) == -1)
		verdict = trouble(text, stralloc_0(&complaint) ? complaint.s : "out of memory");
	else
		verdict = notice_send(&original, &settings, job, text);
	original_free(&original);
	settings_free(&settings);
	stralloc_free(&complaint);
	return verdict;
}

static void
answer_send(struct bounce_job const *job, enum verdict verdict, char const *text)
{
	struct answer answer = {job->message, verdict, span_string(text)};
	stralloc packet = STRALLOC_ZERO;

	if (!answer_format(&packet, &answer))
		die(EXIT_TEMPORARY, "out of memory", NULL);
	if (packet_send(0, span(packet.s, packet.len), NULL, 0) == -1 && errno != EPIPE &&
		errno != ECONNRESET)
		die(EXIT_TEMPORARY, "send can not be answered", strerror(errno));
	stralloc_free(&packet);
}

/* Serves send until it closes the socket. */
static void
serve(void)
{
	char packet[BOUNCE_PACKET_MAX], text[REPORT_TEXT_MAX];
	int fds[PACKET_FDS];
	size_t fd_count;

	for (;;) {
		ssize_t n = packet_receive(0, packet, sizeof packet, fds, &fd_count);
		struct bounce_job job;

		if (n == 0)
			return;
		if (n == -1 && errno == ECONNRESET)
			return;
		if (n == -1 && errno != EMSGSIZE)
			die(EXIT_TEMPORARY, "jobs can not be read", strerror(errno));
		if (n == -1 || fd_count != 2 || bounce_job_parse(&job, packet, (size_t)n) == -1)
			die(EXIT_PERMANENT, "send said what is not a job", NULL);
		answer_send(&job, job_do(&job, fds[0], fds[1], text), text);
		while (fd_count)
			close(fds[--fd_count]);
	}
}

static int
file_open(char const *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		die(EXIT_TEMPORARY, path, strerror(errno));
	return fd;
}

/* An entry's name says when it came; any other name does not. */
static uint64_t
id_of_path(char const *path)
{
	char const *slash = strrchr(path, '/');
	uint64_t id;

	return number_parse(span_string(slash ? slash + 1 : path), UINT64_MAX, &id) == 0 ? id : 0;
}

static enum notice_kind
kind_of(char const *word)
{
	static char const *const words[NOTICE_KINDS] = {[NOTICE_FAILURE] = "failure",
		[NOTICE_SUCCESS] = "success",
		[NOTICE_DELAY] = "delay"};

	for (size_t i = 0; i < NOTICE_KINDS; i++)
		if (strcmp(word, words[i]) == 0)
			return (enum notice_kind)i;
	die(EXIT_PERMANENT, "a notice is of failure, success or delay", NULL);
}

static int
print(char const *entry_path, char const *history_path, enum notice_kind kind)
{
	struct original original = ORIGINAL_ZERO;
	struct settings settings = SETTINGS_ZERO;
	struct notice notice = NOTICE_ZERO;
	struct notice_output output = {NULL, 1, 0};
	stralloc complaint = STRALLOC_ZERO;
	int entry = file_open(entry_path), history = file_open(history_path);
	char const *why = original_read(&original, entry, history);

	if (home_enter() == -1)
		die(EXIT_TEMPORARY, home_path(), strerror(errno));
	if (!why && settings_read(&settings, &complaint) == -1)
		why = stralloc_0(&complaint) ? complaint.s : "out of memory";
	if (!why)
		why = notice_plan(&notice, kind, &original, &settings);
	if (why)
		die(EXIT_PERMANENT, why, NULL);
	if (notice.reader == READER_NONE)
		die(EXIT_PERMANENT, "nobody is to be told of this message", NULL);
	notice_write(&output, &notice, &original, &settings, id_of_path(entry_path));
	if (output.failed)
		die(EXIT_TEMPORARY, "the notice can not be written", NULL);
	stralloc_free(&notice.recipient);
	original_free(&original);
	settings_free(&settings);
	return EXIT_OK;
}

int
main(int argc, char **argv)
{
	if (argc == 3 || argc == 4)
		return print(argv[1], argv[2], argc == 4 ? kind_of(argv[3]) : NOTICE_FAILURE);
	if (argc != 1)
		die(EXIT_PERMANENT, "usage: tern-bounce [entry history [kind]]", NULL);
	submit.service_only = !confinement_queue_is_program();
	confinement_enter(CONFINEMENT_BOUNCE);
	serve();
	submit_close(&submit);
	return EXIT_OK;
}
