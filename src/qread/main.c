/*
 * tern-qread - shows what is in the queue; also called mailq and tern-qstat
 *
 * Started by  anybody. Installed setgid to the queue's group, which can read
 *             the queue and write nothing in it.
 * fd 1        the listing.
 * fd 2        what could not be read.
 * Touches     queue/mess, queue/hist, control/me locals virtualdomains
 *             envnoathost percenthack: reading only. Asks run/send/socket
 *             what is being worked on. TERNHOME counts only where no privilege
 *             was gained.
 * Trusts      the queue; its caller only for the caller's own messages: others
 *             are shown to root and to the owners of queue/mess and queue/hist.
 * Exits       0; 100 wrong use; 111 when something could not be read. As mailq
 *             64 and 75 (sysexits(3)).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/genalloc.h>

#include "lib/clock.h"
#include "lib/descriptors.h"
#include "lib/durable.h"
#include "lib/exits.h"
#include "lib/home.h"
#include "lib/privilege.h"
#include "qread/format.h"
#include "service/queueclient.h"
#include "spool/queued.h"
#include "spool/scan.h"

enum { PIECE = 128 * 1024 /* ids in memory at once */, OUTPUT_MAX = 64 * 1024 };
enum { MAILQ_USAGE = 64, MAILQ_TROUBLE = 75 };

static char const *program = "tern-qread";
static int is_mailq; /* which has codes of its own */
static int had_trouble;

static int
exit_code(int code)
{
	if (!is_mailq || code == EXIT_OK)
		return code;
	return code == EXIT_PERMANENT ? MAILQ_USAGE : MAILQ_TROUBLE;
}

_Noreturn static void
die(int code, char const *what, char const *why)
{
	fprintf(stderr, "%s: fatal: %s: %s\n", program, what, why);
	exit(exit_code(code));
}

static void
output_flush(stralloc *out)
{
	if (durable_write(1, out->s, out->len) == -1)
		die(EXIT_TEMPORARY, "the listing can not be written", strerror(errno));
	out->len = 0;
}

static int
may_see_all(void)
{
	uid_t uid = getuid();

	return uid == 0 || privilege_is_owner(uid, "queue/mess") ||
	       privilege_is_owner(uid, "queue/hist");
}

struct listing {
	struct format const *format;
	struct format_totals totals;
	stralloc out;
	int all, client; /* whether the caller sees all; the socket to tern-send, or -1 */
};

static void
message_list(struct listing *l, uint64_t id, int is_active)
{
	struct queued m;
	char const *why;
	int r = queued_read(&m, id, &why);
	int good = 1;

	if (r == -1) {
		fprintf(stderr, "%s: warning: msg %llu: %s\n", program, (unsigned long long)id,
			why);
		had_trouble = 1;
	}
	if (r != 1)
		return;
	m.is_active = is_active;
	if (queued_is_waiting(&m) && (l->all || m.entry.envelope.uid == getuid())) {
		good = l->format->message(&l->out, &m, &l->totals);
		l->totals.messages++;
		l->totals.bytes += m.entry.message;
	}
	queued_free(&m);
	if (!good)
		die(EXIT_TEMPORARY, "the listing is not complete", "out of memory");
	if (l->out.len > OUTPUT_MAX)
		output_flush(&l->out);
}

/* What tern-send works on; after a failure it is not asked again. */
static void
some_list(struct listing *l, uint64_t const *ids, size_t count)
{
	enum queue_state states[QUEUECONTROL_IDS_MAX] = {QUEUE_STATE_UNKNOWN};

	if (l->client != -1 && queueclient_states(l->client, ids, count, states) == -1) {
		close(l->client);
		l->client = -1;
		memset(states, 0, sizeof states);
	}
	for (size_t i = 0; i < count; i++)
		message_list(l, ids[i], states[i] == QUEUE_STATE_ACTIVE);
}

/* In pieces, so that the queue may be of any size; until now, so that it ends while mail comes. */
static void
list(struct format const *format)
{
	struct listing l = {.format = format, .all = may_see_all(), .client = queueclient_open()};
	genalloc ids = GENALLOC_ZERO;
	uint64_t last = 0, until = clock_wall(), found;
	size_t count;

	do {
		if (scan_oldest(&ids, last, PIECE, &found) == -1)
			die(EXIT_TEMPORARY, "the queue can not be read", strerror(errno));
		count = genalloc_len(uint64_t, &ids);
		for (size_t i = 0; i < count; i += QUEUECONTROL_IDS_MAX)
			some_list(&l, genalloc_s(uint64_t, &ids) + i,
				count - i < QUEUECONTROL_IDS_MAX ? count - i
								 : QUEUECONTROL_IDS_MAX);
		if (count)
			last = genalloc_s(uint64_t, &ids)[count - 1];
	} while (count == PIECE && last < until);
	if (!format->end(&l.out, &l.totals))
		die(EXIT_TEMPORARY, "the listing is not complete", "out of memory");
	output_flush(&l.out);
	stralloc_free(&l.out);
	genalloc_free(uint64_t, &ids);
}

struct counts {
	unsigned long all, unsealed;
};

/* What has no seal yet is still arriving. */
static int
message_count(void *context, uint64_t id)
{
	struct counts *counts = context;

	counts->all++;
	counts->unsealed += !scan_is_sealed(id);
	return 0;
}

/* qmail-qstat's two lines. */
static void
count(void)
{
	struct counts counts = {0, 0};

	if (scan_each(message_count, &counts) == -1)
		die(EXIT_TEMPORARY, "the queue can not be read", strerror(errno));
	printf("messages in queue: %lu\nmessages in queue but not yet preprocessed: %lu\n",
		counts.all, counts.unsealed);
	if (fflush(stdout) != 0)
		die(EXIT_TEMPORARY, "the listing can not be written", strerror(errno));
}

static void
locality_load(void)
{
	stralloc why = STRALLOC_ZERO;

	if (format_locality_load(&why) == 0)
		return;
	had_trouble = 1;
	fprintf(stderr, "%s: warning: all recipients are shown as remote: %.*s\n", program,
		(int)why.len, why.s);
	stralloc_free(&why);
}

/* mailq takes sendmail's options too, which mean nothing here. */
static struct format const *
options_read(char **argv)
{
	struct format const *format = is_mailq ? &format_mailq : &format_qread;

	for (argv++; *argv; argv++)
		if (strcmp(*argv, "--json") == 0)
			format = &format_json;
		else if (strcmp(*argv, "--mailq") == 0)
			format = &format_mailq;
		else if (!is_mailq || strncmp(*argv, "--", 2) == 0 || **argv != '-')
			die(EXIT_PERMANENT, *argv, "unknown option: known are --json and --mailq");
	return format;
}

int
main(int argc, char **argv)
{
	char const *slash = argc ? strrchr(argv[0], '/') : NULL;
	struct format const *format;

	if (descriptors_open_standard() == -1)
		die(EXIT_TEMPORARY, "/dev/null can not be opened", strerror(errno));
	if (argc)
		program = slash ? slash + 1 : argv[0];
	is_mailq = strcmp(program, "mailq") == 0;
	if (home_enter() == -1)
		die(EXIT_TEMPORARY, home_path(), strerror(errno));
	if (strcmp(program, "tern-qstat") == 0 || strcmp(program, "qmail-qstat") == 0) {
		count();
		return EXIT_OK;
	}
	format = options_read(argv);
	if (format != &format_mailq)
		locality_load();
	list(format);
	return exit_code(had_trouble ? EXIT_TEMPORARY : EXIT_OK);
}
