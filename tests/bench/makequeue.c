/*
 * makequeue: not a test but a tool of the benchmark. Fills the queue below
 * the working directory with messages that were deferred once and wait for
 * their next attempt.
 *
 *   makequeue COUNT DOMAIN SECONDS
 *
 * Each has one recipient at DOMAIN and is to be tried again SECONDS from now.
 * Files belong to the owners of queue/mess and queue/hist. Nothing is fsynced,
 * and no tern-send may be running.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/stralloc.h>

#include "lib/clock.h"
#include "lib/crc32c.h"
#include "spool/layout.h"
#include "wire/envelope.h"
#include "wire/history.h"
#include "wire/seal.h"

enum { BODY_LINES = 12 };

static struct stat mess_owner, hist_owner;

static void
fail(char const *what)
{
	perror(what);
	exit(111);
}

static void
add(stralloc *sa, char const *text)
{
	if (!stralloc_cats(sa, text))
		fail("memory");
}

static void
record(stralloc *sa, char letter, char const *value)
{
	if (!envelope_append(sa, letter, span_string(value)))
		fail("memory");
}

/* The content of an entry: the same message each time, under a number of its own. */
static void
entry_make(stralloc *sa, unsigned long number, char const *domain)
{
	struct seal seal;
	char text[200], line[SEAL_SIZE];

	sa->len = 0;
	snprintf(text, sizeof text,
		"Received: from source.test (127.0.0.1)\n  by bench.test; "
		"Sat, 21 Nov 2026 12:00:00 +0000\nMessage-ID: <%lu@source.test>\n"
		"From: <ann@source.test>\nSubject: waits\n\n",
		number);
	add(sa, text);
	for (int i = 0; i < BODY_LINES; i++)
		add(sa, "a line of a message that nobody takes for the time being, as it seems\n");
	seal.message = sa->len;
	record(sa, 'u', "0");
	record(sa, 'p', "1");
	record(sa, 'v', "network");
	record(sa, 'F', "ann@source.test");
	snprintf(text, sizeof text, "user%lu@%s", number, domain);
	record(sa, 'T', text);
	seal.envelope = sa->len - seal.message;
	seal.crc = crc32c(0, sa->s, sa->len);
	seal_format(line, &seal);
	if (!stralloc_catb(sa, line, SEAL_SIZE))
		fail("memory");
}

static void
history_make(stralloc *sa, uint64_t now, uint64_t next)
{
	struct history_line line = {.time = now,
		.event = HISTORY_DEFERRED,
		.attempt = 1,
		.ranges = 1,
		.range = {{0, 0}},
		.next = next,
		.host = SPAN_LITERAL("mail.backlog.test"),
		.address = SPAN_LITERAL("127.0.0.1"),
		.text = SPAN_LITERAL("451 4.3.0 come back later")};

	sa->len = 0;
	if (!history_append(sa, &line))
		fail("memory");
}

/* next: when the file is to be modified, or 0 for now. */
static void
file_write(char const *path, stralloc const *content, mode_t mode, struct stat const *owner,
	uint64_t next)
{
	struct timespec times[2] = {{.tv_sec = (time_t)next}, {.tv_sec = (time_t)next}};
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);

	if (fd == -1 || write(fd, content->s, content->len) != (ssize_t)content->len ||
		fchmod(fd, mode) == -1 || fchown(fd, owner->st_uid, owner->st_gid) == -1 ||
		(next && futimens(fd, times) == -1) || close(fd) == -1)
		fail(path);
}

/* Every step-th message from the first on. */
static void
some_write(unsigned long first, unsigned long step, unsigned long count, uint64_t now,
	char const *domain, uint64_t next)
{
	stralloc entry = STRALLOC_ZERO, history = STRALLOC_ZERO;
	char path[SPOOL_PATH_MAX];

	history_make(&history, now / 1000000, next);
	for (unsigned long i = first; i < count; i += step) {
		uint64_t id = now - count + i;

		entry_make(&entry, i, domain);
		spool_mess_path(path, id);
		file_write(path, &entry, 0640, &mess_owner, 0);
		spool_hist_path(path, id);
		file_write(path, &history, 0640, &hist_owner, next);
	}
}

int
main(int argc, char **argv)
{
	uint64_t now = clock_wall();
	long writers = sysconf(_SC_NPROCESSORS_ONLN);
	int status, failed = 0;

	if (argc != 4) {
		fputs("usage: makequeue count domain seconds\n", stderr);
		return 100;
	}
	if (stat("queue/mess", &mess_owner) == -1 || stat("queue/hist", &hist_owner) == -1)
		fail("queue");
	if (writers < 1)
		writers = 1;
	for (long i = 0; i < writers; i++) {
		pid_t pid = fork();

		if (pid == -1)
			fail("fork");
		if (pid == 0) {
			some_write((unsigned long)i, (unsigned long)writers,
				strtoul(argv[1], NULL, 10), now, argv[2],
				now / 1000000 + strtoul(argv[3], NULL, 10));
			return 0;
		}
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed ? 111 : 0;
}
