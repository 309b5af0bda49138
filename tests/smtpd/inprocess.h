#ifndef TESTS_SMTPD_INPROCESS_H
#define TESTS_SMTPD_INPROCESS_H

/*
 * Whole sessions of tern-smtpd in one process, without sockets: the stream and
 * the queue are replaced by memory. For tests that need many of them, and the
 * fuzzer. Included by one file of a program, which is linked with the objects
 * of src/smtpd.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/stream.h"
#include "service/submit.h"
#include "smtpd/session.h"

static struct {
	/* What the client says next: at most `room` bytes to s. 0: it has gone. */
	size_t (*read)(char *s, size_t room);
	stralloc replies; /* all that was said to it */
	stralloc queue;   /* what was queued: for each message its text, its envelope */
	unsigned messages;
	stralloc text, envelope; /* of the message under way */
	int begun;
	/* Chosen by the test. */
	int refuse; /* the queue says no */
	int proxied;
	enum data_line_feed line_feed;
} lab;

static struct settings lab_settings = SETTINGS_ZERO;
static struct submit lab_submit = SUBMIT_ZERO;
static struct reversename lab_reverse;
static struct blocklist lab_blocklist;
static struct session lab_session = {.settings = &lab_settings,
	.submit = &lab_submit,
	.reverse = &lab_reverse,
	.blocklist = &lab_blocklist};

static void
lab_need(int good)
{
	if (!good)
		abort();
}

/* lib/stream.h in memory. */
void
stream_init(struct stream *st, int in, int out, unsigned timeout_seconds)
{
	stralloc empty = STRALLOC_ZERO;

	st->in = in;
	st->out = out;
	st->timeout = timeout_seconds;
	st->begin = st->end = 0;
	st->output = empty;
}

void
stream_free(struct stream *st)
{
	stralloc_free(&st->output);
}

struct span
stream_pending(struct stream const *st)
{
	return span(st->input + st->begin, st->end - st->begin);
}

void
stream_take(struct stream *st, size_t n)
{
	lab_need(n <= st->end - st->begin);
	st->begin += n;
	if (st->begin == st->end)
		st->begin = st->end = 0;
}

ssize_t
stream_fill(struct stream *st)
{
	size_t n;

	memmove(st->input, st->input + st->begin, st->end - st->begin);
	st->end -= st->begin;
	st->begin = 0;
	lab_need(st->end < sizeof st->input);
	n = lab.read(st->input + st->end, sizeof st->input - st->end);
	st->end += n;
	return (ssize_t)n;
}

int
stream_put(struct stream *st, struct span bytes)
{
	return stralloc_catb(&st->output, bytes.s, bytes.len);
}

int
stream_puts(struct stream *st, char const *string)
{
	return stralloc_cats(&st->output, string);
}

int
stream_flush(struct stream *st)
{
	lab_need(stralloc_catb(&lab.replies, st->output.s, st->output.len));
	st->output.len = 0;
	return 0;
}

/* service/submit.h in memory. */
int
submit_begin(struct submit *s, struct span origin, struct submit_result *result)
{
	(void)s;
	(void)origin;
	(void)result;
	lab_need(!lab.begun);
	lab.begun = 1;
	lab.text.len = lab.envelope.len = 0;
	return 0;
}

int
submit_has_room(struct submit *s, uint64_t size)
{
	(void)s;
	(void)size;
	return 1;
}

void
submit_message(struct submit *s, struct span bytes)
{
	(void)s;
	lab_need(lab.begun && stralloc_catb(&lab.text, bytes.s, bytes.len));
}

void
submit_envelope(struct submit *s, struct span bytes)
{
	(void)s;
	lab_need(lab.begun && stralloc_catb(&lab.envelope, bytes.s, bytes.len));
}

int
submit_finish(struct submit *s, struct submit_result *result)
{
	(void)s;
	lab_need(lab.begun);
	lab.begun = 0;
	memset(result, 0, sizeof *result);
	if (lab.refuse) {
		result->code = 31;
		strcpy(result->text, "no");
		return -1;
	}
	result->id = ++lab.messages;
	lab_need(stralloc_catb(&lab.queue, lab.text.s, lab.text.len) &&
		 stralloc_catb(&lab.queue, lab.envelope.s, lab.envelope.len) &&
		 stralloc_append(&lab.queue, '\n'));
	return 0;
}

void
submit_abort(struct submit *s)
{
	(void)s;
	lab_need(lab.begun);
	lab.begun = 0;
}

/* service/service.h: this is no service. */
int
service_is_stopping(void)
{
	return 0;
}

int
service_take(enum rate rate)
{
	(void)rate;
	return 1;
}

void
service_count_error(void)
{
}

int
service_client_brought(struct netaddress const *client)
{
	(void)client;
	return 1;
}

static void
lab_control(char const *name, char const *value)
{
	FILE *f = fopen(name, "w");

	lab_need(f != NULL && fputs(value, f) != EOF && fclose(f) == 0);
}

/* Reads the settings from a home that is gone afterwards. */
static void
lab_start(void)
{
	char home[] = "/tmp/tern-inprocess.XXXXXX";
	static char const *const names[] = {
		"me", "locals", "timeoutreverse", "databytes", "recipientcheck"};
	stralloc why = STRALLOC_ZERO;
	int here = open(".", O_RDONLY);

	lab_need(mkdtemp(home) && chdir(home) == 0 && mkdir("control", 0700) == 0 &&
		 chdir("control") == 0);
	lab_control("me", "mx.test\n");
	lab_control("locals", "local.test\n");
	lab_control("timeoutreverse", "0\n");
	lab_control("databytes", "100000\n");
	lab_control("recipientcheck", "0\n");
	lab_need(chdir("..") == 0);
	lab_need(settings_load(&lab_settings, &why) == 0);
	lab_need(chdir("control") == 0);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unlink(names[i]);
	lab_need(
		chdir("..") == 0 && rmdir("control") == 0 && fchdir(here) == 0 && rmdir(home) == 0);
	close(here);
}

/* Sends the log nowhere. */
static inline void
lab_log_drop(void)
{
	int null = open("/dev/null", O_WRONLY);

	lab_need(null != -1 && dup2(null, 2) == 2);
	close(null);
}

/* A reply that says the time is the same at any time. */
static void
lab_time_hide(void)
{
	static char const begin[] = "250 2.0.0 ok ";
	size_t len = sizeof begin - 1;

	for (size_t i = 0; i + len < lab.replies.len; i++) {
		if (memcmp(lab.replies.s + i, begin, len) != 0)
			continue;
		for (i += len; i < lab.replies.len && lab.replies.s[i] != ' '; i++)
			lab.replies.s[i] = '0';
	}
}

/* One session of a client that may not relay, perhaps by way of a proxy. */
static void
lab_run(size_t (*read_next)(char *s, size_t room))
{
	struct client *client = &lab_session.client;

	lab.read = read_next;
	lab.replies.len = lab.queue.len = 0;
	lab.messages = 0;
	client_identify(client, &lab_settings, -1, "192.0.2.7");
	client->is_proxy = lab.proxied;
	client->line_feed = lab.line_feed;
	session_run(&lab_session, -1, -1);
	lab_time_hide();
	lab_need(!lab.begun); /* what was begun was ended one way or the other */
}

/*
 * A client that says these bytes without waiting: at most `piece` at a time,
 * and never across the place of `cut`.
 */
static struct {
	char const *s;
	size_t len, done, piece, cut;
} lab_bytes;

static inline size_t
lab_bytes_read(char *s, size_t room)
{
	size_t n = lab_bytes.len - lab_bytes.done;

	if (n > room)
		n = room;
	if (n > lab_bytes.piece)
		n = lab_bytes.piece;
	if (lab_bytes.done < lab_bytes.cut && n > lab_bytes.cut - lab_bytes.done)
		n = lab_bytes.cut - lab_bytes.done;
	memcpy(s, lab_bytes.s + lab_bytes.done, n);
	lab_bytes.done += n;
	return n;
}

static inline void
lab_run_bytes(struct span bytes, size_t piece, size_t cut)
{
	lab_bytes.s = bytes.s;
	lab_bytes.len = bytes.len;
	lab_bytes.done = 0;
	lab_bytes.piece = piece;
	lab_bytes.cut = cut;
	lab_run(lab_bytes_read);
}

/*
 * Whether the session may depend on how the bytes came: after a DATA that was
 * refused it ends only when more has come already.
 */
static inline int
lab_depends_on_pieces(void)
{
	struct span rest = span(lab.replies.s, lab.replies.len);

	while (rest.len)
		if (span_case_starts(span_cut(&rest, '\n'), SPAN_LITERAL("503 5.5.1 DATA")))
			return 1;
	return 0;
}

#endif
