/*
 * tern-inject - takes a message from a program or a person; also called
 * sendmail, mailq and newaliases, which it goes by
 *
 * Started by  anybody, as themselves; nothing here is privileged.
 * fd 0        the message, to its end; with -bs what an SMTP client says.
 * fd 1        the message with -n; a listing with -bp, -bv; SMTP with -bs.
 * fd 2        one line when it can not be done.
 * Touches     control/me defaulthost defaultdomain plusdomain idhost of the home
 *             ($TERNHOME or the built-in one); what QMAILMFTFILE names; the
 *             queue's socket, or else bin/tern-queue.
 * Trusts      its caller with the caller's own mail; the queue asks the kernel
 *             who that is.
 * Exits       as tern-inject 0, 100 (wrong use or message), 111 (try again);
 *             by its other names 0 or what sysexits(3) has (inject/fail.h).
 *             0 means: the message is on disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inject/actions.h"
#include "inject/fail.h"
#include "inject/names.h"
#include "inject/request.h"
#include "inject/send.h"
#include "lib/descriptors.h"
#include "lib/durable.h"
#include "lib/exits.h"
#include "lib/home.h"

/* The most that is read of the file of mailing lists. */
enum { LISTS_MAX = 1024 * 1024 };

static char const *
base_name(char const *path)
{
	char const *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ? path : "tern-inject";
}

static void
request_read(struct request *request, char const *name, char **argv)
{
	int is_inject = strcmp(name, "tern-inject") == 0 || strcmp(name, "qmail-inject") == 0;
	static char *nobody[] = {NULL};

	fail_init(name, is_inject ? FAIL_AS_INJECT : FAIL_AS_SENDMAIL);
	if (is_inject) {
		request_of_inject(request, argv + 1);
	} else if (strcmp(name, "mailq") == 0) {
		*request = (struct request){.mode = REQUEST_LIST_QUEUE, .recipients = argv + 1};
	} else if (strcmp(name, "newaliases") == 0) {
		*request = (struct request){.mode = REQUEST_ALIASES, .recipients = nobody};
	} else {
		request_of_sendmail(request, argv + 1);
	}
}

/* Read before we leave the caller's directory. A file that is not there names no lists. */
static void
lists_read(stralloc *lists)
{
	char const *path = getenv("QMAILMFTFILE");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n;

	if (!path || (fd == -1 && errno == ENOENT))
		return;
	if (fd == -1 || !stralloc_ready(lists, LISTS_MAX) ||
		(n = durable_read_at(fd, lists->s, LISTS_MAX, 0)) == -1)
		fail(FAIL_CONFIG, path, " (QMAILMFTFILE) can not be read: ", strerror(errno),
			(char *)NULL);
	lists->len = (size_t)n;
	close(fd);
}

static void
names_find(struct names *names)
{
	stralloc why = STRALLOC_ZERO;

	if (names_load(names, &why) == -1)
		fail(FAIL_CONFIG, stralloc_0(&why) ? why.s : "out of memory", (char *)NULL);
}

int
main(int argc, char **argv)
{
	struct request request;
	struct names names = NAMES_ZERO;
	stralloc lists = STRALLOC_ZERO;

	(void)argc;
	if (descriptors_open_standard() == -1)
		fail(FAIL_SYSTEM, "/dev/null can not be opened: ", strerror(errno), (char *)NULL);
	request_read(&request, base_name(argv[0]), argv);
	if (request.mode == REQUEST_NOTHING)
		return EXIT_OK;
	if (request.mode == REQUEST_ALIASES)
		action_aliases();
	lists_read(&lists);
	if (home_enter() == -1)
		fail(FAIL_CONFIG, "the home ", home_path(),
			" can not be entered: ", strerror(errno),
			": TERNHOME in the environment names another", (char *)NULL);
	switch (request.mode) {
	case REQUEST_LIST_QUEUE: action_list_queue(request.recipients);
	case REQUEST_SMTP: action_smtp();
	case REQUEST_RUN_QUEUE: action_run_queue(request.verbose);
	default: break;
	}
	names_find(&names);
	if (request.mode == REQUEST_VERIFY)
		action_verify(request.recipients, &names);
	send_message(&request, &names, span(lists.s, lists.len));
	names_free(&names);
	stralloc_free(&lists);
	return fflush(stdout) == 0 ? EXIT_OK : fail_code(FAIL_IO);
}
