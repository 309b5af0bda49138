/*
 * tern-local - deliver mail to one local address
 *
 * Started by  tern-lspawn, as the user whose address it is, with -w; or by a
 *             person, with qmail-local's arguments.
 * fd 0        with -w: a packet socket from send: jobs (wire/job.h), each with
 *             a descriptor of the queue entry; reports go back (wire/report.h).
 *             Otherwise: the message.
 * fd 1        without -w: what programs said and "did FILES+FORWARDS+PROGRAMS".
 * fd 2        errors; with -w: the log.
 * Touches     the user's home (.qmail files, mailboxes), /tmp for a copy of a
 *             large message, run/queue/socket or bin/tern-queue in tern's home.
 * Runs        /bin/sh for the program lines of .qmail files.
 * Trusts      send for jobs; the user for everything in the home, as the user;
 *             nobody for what is in a message.
 * Exits       with -w: 0 when send closes the socket, 100 when it breaks the
 *             protocol, 111 when the system fails us. Otherwise: 0 delivered,
 *             100 can not be delivered, 111 not now.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/exits.h"
#include "lib/home.h"
#include "lib/number.h"
#include "local/deliver.h"
#include "local/program.h"
#include "local/worker.h"
#include "policy/confinement.h"

enum mode { MODE_COMMAND, MODE_DRY, MODE_WORKER };

static struct mail mail;

static void
die_usage(void)
{
	fputs("tern-local: usage: tern-local [-nN] [-t seconds] [--] user home local dash ext "
	      "domain sender defaultdelivery\n",
		stderr);
	exit(EXIT_PERMANENT);
}

static void
die_system(char const *what)
{
	fprintf(stderr, "tern-local: fatal: %s: %s\n", what, strerror(errno));
	exit(EXIT_TEMPORARY);
}

/* What is not a file, or is not read from its start, is made one. */
static void
message_take(int fd)
{
	struct stat st;
	FILE *copy;
	char piece[8192];
	ssize_t n;

	if (fstat(fd, &st) == -1)
		die_system("unable to look at the message");
	if (!S_ISREG(st.st_mode)) {
		copy = tmpfile();
		if (!copy)
			die_system("unable to make a temporary file");
		while ((n = read(fd, piece, sizeof piece)) > 0)
			if (fwrite(piece, 1, (size_t)n, copy) != (size_t)n)
				die_system("unable to copy the message");
		if (n == -1 || fflush(copy) == EOF || fstat(fileno(copy), &st) == -1)
			die_system("unable to copy the message");
		fd = fileno(copy);
	}
	if (message_open(&mail.message, fd, (uint64_t)st.st_size) == -1)
		die_system("unable to read the message");
}

static int
command_run(struct recipient const *to, char const *sender, enum deliver_mode mode)
{
	static stralloc text;
	enum verdict verdict;

	if (strlen(sender) >= ADDRESS_LIMIT)
		die_usage();
	if (!mail_begin(&mail, to, span_string(sender)))
		die_system("unable to begin");
	message_take(0);
	verdict = deliver(&mail, mode, &text);
	if (text.len && text.s[text.len - 1] != '\n')
		stralloc_catb(&text, "\n", 1);
	if (fwrite(text.s, 1, text.len, verdict == VERDICT_DELIVERED ? stdout : stderr) !=
			text.len ||
		fflush(stdout) == EOF)
		die_system("unable to write the report");
	switch (verdict) {
	case VERDICT_DELIVERED: return EXIT_OK;
	case VERDICT_FAILED: return EXIT_PERMANENT;
	case VERDICT_DEFERRED:
	case VERDICT_TROUBLE: break;
	}
	return EXIT_TEMPORARY;
}

static enum mode
options_read(int argc, char **argv)
{
	enum mode mode = MODE_COMMAND;
	uint64_t seconds;
	int c;

	while ((c = getopt(argc, argv, "nNt:w")) != -1)
		switch (c) {
		case 'n': mode = MODE_DRY; break;
		case 'N': mode = MODE_COMMAND; break;
		case 'w': mode = MODE_WORKER; break;
		case 't':
			if (duration_parse(span_string(optarg), PROGRAM_SECONDS, &seconds) == -1 ||
				seconds == 0)
				die_usage();
			mail.seconds_max = (unsigned)seconds;
			break;
		default: die_usage();
		}
	return mode;
}

int
main(int argc, char **argv)
{
	struct recipient to;
	enum mode mode;

	mail.seconds_max = PROGRAM_SECONDS;
	mode = options_read(argc, argv);
	argc -= optind;
	argv += optind;
	if (argc != (mode == MODE_WORKER ? 7 : 8))
		die_usage();
	to = (struct recipient){argv[0], argv[1], argv[2], argv[3], argv[4], argv[5],
		argv[mode == MODE_WORKER ? 6 : 7], -1};
	if (geteuid() == 0 && mode != MODE_DRY) {
		fputs("tern-local: fatal: will not deliver as root: run it as the user\n", stderr);
		return EXIT_PERMANENT;
	}
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		die_system("unable to ignore SIGPIPE");
	umask(077);
	to.tern = open(home_path(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mode != MODE_WORKER)
		return command_run(&to, argv[6], mode == MODE_DRY ? DELIVER_DRY : DELIVER_REALLY);
	confinement_enter(CONFINEMENT_LOCAL);
	worker_run(&mail, &to);
	return EXIT_OK;
}
