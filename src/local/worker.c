#include "local/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/exits.h"
#include "lib/packet.h"
#include "local/deliver.h"
#include "local/forward.h"
#include "wire/job.h"

enum { SOCKET = 0, TEXT_TAIL = 100 };

static void
die(int code, char const *what)
{
	fprintf(stderr, "tern-local: fatal: %s\n", what);
	exit(code);
}

static void
die_system(char const *what)
{
	fprintf(stderr, "tern-local: fatal: %s: %s\n", what, strerror(errno));
	exit(EXIT_TEMPORARY);
}

/* A program may have said much: its beginning and what we say at the end are kept. */
static struct span
shorten(stralloc *text)
{
	static char const gap[] = "...\n";
	size_t head = REPORT_TEXT_MAX - TEXT_TAIL - (sizeof gap - 1);

	if (text->len > REPORT_TEXT_MAX) {
		memcpy(text->s + head, gap, sizeof gap - 1);
		memmove(text->s + head + sizeof gap - 1, text->s + text->len - TEXT_TAIL,
			TEXT_TAIL);
		text->len = REPORT_TEXT_MAX;
	}
	return span(text->s, text->len);
}

static enum verdict
serve(struct mail *mail, struct recipient const *to, struct job const *job, int fd, stralloc *text)
{
	if (!mail_begin(mail, to, job->sender))
		return mail_verdict_errno(text, "begin the delivery", NULL);
	mail->body = job->body;
	mail->smtputf8 = job->smtputf8;
	mail->ret = job->ret;
	mail->envelope_id = job->envelope_id;
	mail->notify = job->notify[0];
	mail->original_recipient = job->original_recipient[0];
	if (message_open(&mail->message, fd, job->length) == -1)
		return mail_verdict_errno(text, "read", "the message");
	return deliver(mail, DELIVER_REALLY, text);
}

/* Several recipients of a job are the same address: one delivery, one verdict for all. */
static int
answer(struct job const *job, enum verdict verdict, enum handover handover, struct span text)
{
	static struct report report;
	static stralloc packet;

	report.number = job->number;
	report.recipients = job->recipients;
	for (size_t i = 0; i < job->recipients; i++) {
		report.recipient[i].verdict = verdict;
		report.recipient[i].handover = handover;
		report.recipient[i].text = text;
	}
	packet.len = 0;
	if (!report_format(&packet, &report))
		die_system("unable to report");
	return packet_send(SOCKET, span(packet.s, packet.len), NULL, 0);
}

/* Returns the length of the next packet, 0 when send is gone. */
static size_t
next_packet(char *packet, int fds[PACKET_FDS], size_t *fd_count)
{
	struct pollfd waiting = {.fd = SOCKET, .events = POLLIN};
	ssize_t len;

	if (forward_is_connected() && poll(&waiting, 1, 0) != 1)
		forward_idle();
	len = packet_receive(SOCKET, packet, JOB_PACKET_MAX, fds, fd_count);
	if (len == -1 && errno == EMSGSIZE)
		die(EXIT_PERMANENT, "a packet of send is too long");
	if (len == -1 && errno != ECONNRESET)
		die_system("unable to read a job");
	return len == -1 ? 0 : (size_t)len;
}

void
worker_run(struct mail *mail, struct recipient const *to)
{
	static char packet[JOB_PACKET_MAX];
	static stralloc text;
	int fds[PACKET_FDS];
	size_t fd_count, len;
	struct job job;

	while ((len = next_packet(packet, fds, &fd_count))) {
		if (fd_count != 1 || job_parse(&job, packet, len) == -1)
			die(EXIT_PERMANENT, "what send sent is not a job");
		text.len = 0;
		enum verdict verdict = serve(mail, to, &job, fds[0], &text);
		close(fds[0]);
		if (answer(&job, verdict, mail->handover, shorten(&text)) == -1) {
			if (errno == EPIPE || errno == ECONNRESET)
				return;
			die_system("unable to report");
		}
	}
}
