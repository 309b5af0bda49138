#include "remote/worker.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/exits.h"
#include "lib/packet.h"
#include "remote/facts.h"
#include "wire/notice.h"
#include "wire/report.h"

enum { MANAGER = 0 }; /* the descriptor that leads to tern-send */

static struct outcome outcome;

/* The text as one line: what were lines is parted by "/", as in qmail's log. */
static struct span
text_line(struct answer *answer)
{
	size_t len = answer->len ? answer->len - 1 : 0;

	for (size_t i = 0; i < len; i++)
		if (answer->text[i] == '\n')
			answer->text[i] = '/';
	return span(answer->text, len);
}

/* How far a delivered recipient has come, for a sender who wants to hear of that. */
static enum handover
handover_of(struct session const *session, struct job const *job, size_t i)
{
	if (!notice_of_success_is_wanted(job->notify[i], job->sender))
		return HANDOVER_FINAL;
	if (session->extensions & EXTENSION_DSN)
		return HANDOVER_PASSED;
	/* What speaks LMTP puts mail into mailboxes (RFC 2033, 1). */
	return session->host.protocol == RELAY_LMTP ? HANDOVER_FINAL : HANDOVER_RELAYED;
}

/* Returns 0, or -1 with errno. */
static int
report_send(struct session const *session, struct job const *job)
{
	static stralloc packet;
	static struct report report;
	struct span message = text_line(&outcome.message);

	packet.len = 0;
	report.number = job->number;
	report.host = span(outcome.host.s, outcome.host.len);
	report.address = span(outcome.address.s, outcome.address.len);
	report.recipients = job->recipients;
	for (size_t i = 0; i < job->recipients; i++) {
		struct answer const *answer = outcome_answer(&outcome, i);

		report.recipient[i].verdict = answer->verdict;
		report.recipient[i].handover = handover_of(session, job, i);
		report.recipient[i].text =
			answer == &outcome.message ? message : text_line(&outcome.recipient[i]);
	}
	report.has_facts = 1;
	report.facts = *facts_end(&outcome);
	if (!report_format(&packet, &report))
		return -1;
	return packet_send(MANAGER, span(packet.s, packet.len), NULL, 0);
}

/* Returns 1 and a job with its descriptor; 0 at the end; -1 when it is no job; -2 with errno. */
static int
job_take(struct job *job, int *fd)
{
	static char packet[JOB_PACKET_MAX];
	int fds[PACKET_FDS];
	size_t fd_count;
	ssize_t len = packet_receive(MANAGER, packet, sizeof packet, fds, &fd_count);

	if (len == 0 || (len == -1 && errno == ECONNRESET))
		return 0;
	if (len == -1)
		return errno == EMSGSIZE ? -1 : -2;
	if (fd_count != 1 || job_parse(job, packet, (size_t)len) == -1)
		return -1;
	*fd = fds[0];
	return 1;
}

static int
die(int code, char const *what, int error)
{
	fprintf(stderr, "tern-remote: fatal: %s%s%s\n", what, error ? ": " : "",
		error ? strerror(error) : "");
	return code;
}

int
worker_run(struct remote *remote, struct span destination)
{
	static struct job job;
	int fd, r;

	while ((r = job_take(&job, &fd)) == 1) {
		if (!span_case_equal(job.destination, destination))
			return die(EXIT_PERMANENT, "a job is for another destination than mine", 0);
		remote_deliver(remote, &job, fd, &outcome);
		close(fd);
		if (report_send(&remote->session, &job) == -1) {
			if (errno != EPIPE && errno != ECONNRESET)
				return die(EXIT_TEMPORARY, "unable to report", errno);
			break;
		}
		if (outcome.settings_refused) {
			close(MANAGER); /* the next worker may read what we may not */
			break;
		}
	}
	if (r == -1)
		return die(EXIT_PERMANENT, "what tern-send sent is not a job", 0);
	if (r == -2)
		return die(EXIT_TEMPORARY, "unable to read from tern-send", errno);
	session_quit(&remote->session);
	return EXIT_OK;
}
