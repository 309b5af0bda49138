/*
 * tern-clean: removes messages that are done with, sets broken ones aside.
 *
 * Started by tern-start, as the queue's user (the owner of queue/mess).
 *
 *   descriptor 0  from tern-send: "ID\n", the message is done with; or "!ID\n",
 *                 the entry is broken: it is set aside
 *   descriptor 1  to tern-send: for each request, in order, '+' when it is
 *                 done, '!' when it could not be
 *   descriptor 2  the log
 *
 * Files: removes queue/mess/S/ID, then queue/hist/S/ID; or moves queue/mess/S/ID
 * to queue/bad/ID. Makes removals durable, those of one second together, so that
 * a power cut brings no message back that was done longer ago.
 *
 * Trusts tern-send, which alone knows what is done: dies if it writes garbage.
 *
 * Exit codes: 0 when send is gone, 100 misuse or garbage from send, 111 the
 * system failed us.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/stralloc.h>

#include "lib/clock.h"
#include "lib/durable.h"
#include "lib/exits.h"
#include "lib/home.h"
#include "lib/privilege.h"
#include "lib/span.h"
#include "policy/confinement.h"
#include "spool/layout.h"

enum {
	REQUEST_MAX = 22,  /* the mark, 20 digits and a newline */
	INPUT_SIZE = 4096, /* a pipe takes so much from send at once */
	SYNC_MILLISECONDS = 1000
};

/* The directories with removals that are not durable, and when that is due (clock_monotonic). */
static unsigned char unsynced[SPOOL_SHARDS];
static int64_t sync_due = -1;

static int
fatal(int code, char const *what, char const *why)
{
	fprintf(stderr, "tern-clean: fatal: %s: %s\n", what, why);
	return code;
}

/* Returns 1 if the file is gone, whoever removed it. */
static int
file_remove(char const *path)
{
	if (unlink(path) == 0 || errno == ENOENT)
		return 1;
	fprintf(stderr, "tern-clean: warning: %s can not be removed: %s\n", path, strerror(errno));
	return 0;
}

/* Returns 1 if no removal from the id's directory can be undone by a power cut any more. */
static int
shard_sync(uint64_t id)
{
	char path[SPOOL_PATH_MAX];

	if (!unsynced[id % SPOOL_SHARDS])
		return 1;
	unsynced[id % SPOOL_SHARDS] = 0;
	spool_mess_directory(path, id);
	if (durable_directory(path) == 0)
		return 1;
	fprintf(stderr, "tern-clean: warning: removals from %s can not be made durable: %s\n", path,
		strerror(errno));
	return 0;
}

static void
shards_sync_all(void)
{
	for (uint64_t shard = 0; shard < SPOOL_SHARDS; shard++)
		shard_sync(shard);
	sync_due = -1;
}

static void
shard_changed(uint64_t id)
{
	unsynced[id % SPOOL_SHARDS] = 1;
	if (sync_due == -1)
		sync_due = clock_monotonic() + SYNC_MILLISECONDS;
}

/*
 * The message first, and durably so: without its history a finished recipient
 * would be a new one. Most messages have none.
 */
static int
message_remove(uint64_t id)
{
	char path[SPOOL_PATH_MAX];

	spool_mess_path(path, id);
	if (!file_remove(path))
		return 0;
	shard_changed(id);
	spool_hist_path(path, id);
	if (access(path, F_OK) == -1 && errno == ENOENT)
		return 1;
	return shard_sync(id) && file_remove(path);
}

/* Returns 1 if the entry is no longer among the messages. */
static int
message_set_aside(uint64_t id)
{
	char path[SPOOL_PATH_MAX];
	char aside[SPOOL_PATH_MAX];

	spool_mess_path(path, id);
	spool_bad_path(aside, id);
	if (rename(path, aside) == 0 || (errno == ENOENT && access(path, F_OK) == -1))
		return 1;
	fprintf(stderr, "tern-clean: warning: %s can not be moved to %s: %s\n", path, aside,
		strerror(errno));
	return 0;
}

/* Returns 0, or -1 when the line is not a request. */
static int
request_do(struct span line, char *answer)
{
	char name[REQUEST_MAX];
	int is_broken = line.len > 0 && line.s[0] == '!';
	uint64_t id;

	if (is_broken)
		line = span(line.s + 1, line.len - 1);
	if (line.len >= sizeof name || memchr(line.s, '\0', line.len))
		return -1;
	memcpy(name, line.s, line.len);
	name[line.len] = '\0';
	if (spool_id_parse(name, &id) == -1)
		return -1;
	*answer = (is_broken ? message_set_aside(id) : message_remove(id)) ? '+' : '!';
	return 0;
}

/*
 * Does all whole requests of the input, with one write for their answers, and
 * moves what is left to its start. Returns an exit code; 0: go on.
 */
static int
requests_do(char *input, size_t *len)
{
	char answers[INPUT_SIZE];
	size_t count = 0;
	struct span rest = span(input, *len);

	while (span_find(rest, '\n') < rest.len)
		if (request_do(span_cut(&rest, '\n'), &answers[count++]) == -1)
			return fatal(EXIT_PERMANENT, "descriptor 0", "a request is not an id");
	if (rest.len >= REQUEST_MAX)
		return fatal(EXIT_PERMANENT, "descriptor 0", "a request is too long");
	if (durable_write(1, answers, count) == -1)
		return fatal(EXIT_TEMPORARY, "descriptor 1", strerror(errno));
	memmove(input, rest.s, rest.len);
	*len = rest.len;
	return 0;
}

/* Waits for requests; meanwhile makes durable what is due. */
static void
input_wait(void)
{
	struct pollfd input = {.fd = 0, .events = POLLIN};

	while (sync_due != -1) {
		int64_t wait = sync_due - clock_monotonic();

		if (wait <= 0)
			shards_sync_all();
		else if (poll(&input, 1, (int)wait) != 0)
			return;
	}
}

static int
run(void)
{
	char input[INPUT_SIZE];
	size_t len = 0;

	for (;;) {
		ssize_t n;
		int code;

		input_wait();
		n = read(0, input + len, sizeof input - len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return fatal(EXIT_TEMPORARY, "descriptor 0", strerror(errno));
		if (n == 0 && len > 0)
			return fatal(EXIT_PERMANENT, "descriptor 0", "a request was cut short");
		if (n == 0)
			return EXIT_OK;
		len += (size_t)n;
		code = requests_do(input, &len);
		if (code != 0)
			return code;
	}
}

int
main(int argc, char **argv)
{
	int code;

	(void)argv;
	if (argc != 1)
		return fatal(EXIT_PERMANENT, "usage", "tern-clean");
	if (home_enter() == -1)
		return fatal(EXIT_PERMANENT, home_path(), strerror(errno));
	if (privilege_become_owner("queue/mess") == -1)
		return fatal(EXIT_PERMANENT, "queue/mess", strerror(errno));
	signal(SIGPIPE, SIG_IGN);
	confinement_enter(CONFINEMENT_CLEAN);
	code = run();
	shards_sync_all();
	return code;
}
