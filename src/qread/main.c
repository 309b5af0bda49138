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

#include "lib/descriptors.h"
#include "lib/durable.h"
#include "lib/exits.h"
#include "lib/home.h"
#include "lib/privilege.h"
#include "qread/format.h"
#include "service/queueclient.h"
#include "spool/queued.h"
#include "spool/scan.h"

enum { OUTPUT_MAX = 64 * 1024, MAILQ_USAGE = 64, MAILQ_TROUBLE = 75 };

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

static void
message_list(stralloc *out, uint64_t id, int is_active, struct format const *format, int all,
	struct format_totals *totals)
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
	if (queued_is_waiting(&m) && (all || m.entry.envelope.uid == getuid())) {
		good = format->message(out, &m, totals);
		totals->messages++;
		totals->bytes += m.entry.message;
	}
	queued_free(&m);
	if (!good)
		die(EXIT_TEMPORARY, "the listing is not complete", "out of memory");
	if (out->len > OUTPUT_MAX)
		output_flush(out);
}

static void
ids_find(genalloc *ids)
{
	if (scan_ids(ids) == -1)
		die(EXIT_TEMPORARY, "the queue can not be read", strerror(errno));
}

/* What tern-send works on, where it runs and we may ask: states[i] of each message; or NULL. */
static enum queue_state *
states_ask(genalloc const *ids)
{
	size_t count = genalloc_len(uint64_t, ids);
	enum queue_state *states = NULL;
	int client = queueclient_open();

	if (client == -1)
		return NULL;
	if (count)
		states = calloc(count, sizeof *states);
	if (states && queueclient_states(client, genalloc_s(uint64_t, ids), count, states) == -1) {
		free(states);
		states = NULL;
	}
	close(client);
	return states;
}

static void
list(struct format const *format)
{
	struct format_totals totals = {0, 0};
	genalloc ids = GENALLOC_ZERO;
	stralloc out = STRALLOC_ZERO;
	int all = may_see_all();
	enum queue_state *states;

	ids_find(&ids);
	states = states_ask(&ids);
	for (size_t i = 0; i < genalloc_len(uint64_t, &ids); i++)
		message_list(&out, genalloc_s(uint64_t, &ids)[i],
			states && states[i] == QUEUE_STATE_ACTIVE, format, all, &totals);
	free(states);
	if (!format->end(&out, &totals))
		die(EXIT_TEMPORARY, "the listing is not complete", "out of memory");
	output_flush(&out);
	stralloc_free(&out);
	genalloc_free(uint64_t, &ids);
}

/* qmail-qstat's two lines. What has no seal yet is still arriving. */
static void
count(void)
{
	genalloc ids = GENALLOC_ZERO;
	unsigned long unsealed = 0;

	ids_find(&ids);
	for (size_t i = 0; i < genalloc_len(uint64_t, &ids); i++)
		unsealed += !scan_is_sealed(genalloc_s(uint64_t, &ids)[i]);
	printf("messages in queue: %lu\nmessages in queue but not yet preprocessed: %lu\n",
		(unsigned long)genalloc_len(uint64_t, &ids), unsealed);
	genalloc_free(uint64_t, &ids);
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
