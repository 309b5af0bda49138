/*
 * tern-lspawn - make the workers that deliver to local addresses
 *
 * Started by  tern-start, as root, or as the one user of an instance that has
 *             one user; the working directory is tern's home.
 * fd 0        a packet socket from send, which asks for workers
 *             (wire/workerrequest.h) and gets their sockets.
 * fd 2        log lines.
 * Touches     control/defaultdelivery, run/lookup (its owner looks up accounts),
 *             alias/ (its owner gets what is nobody else's), bin/tern-local.
 * Runs        for each request a child without privileges that finds the
 *             account, then bin/tern-local as the user of that account.
 * Trusts      send to ask for what is to be delivered; of the child only an
 *             answer of the one form (wire/account.h), never uid 0 or gid 0.
 *             Looks at no message.
 * Exits       0 when send closes fd 0, 100 on wrong use, a wrong setting or
 *             when send breaks the protocol, 111 when the system fails us.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/stralloc.h>

#include "lib/control.h"
#include "lib/exits.h"
#include "lib/privilege.h"
#include "lib/spawn.h"
#include "lib/text.h"
#include "lspawn/lookup.h"
#include "policy/confinement.h"
#include "service/spawner.h"

static stralloc default_delivery = STRALLOC_ZERO;
static stralloc tern_home = STRALLOC_ZERO; /* TERNHOME=... of the workers */

static void
die_system(char const *what)
{
	fprintf(stderr, "tern-lspawn: fatal: %s: %s\n", what, strerror(errno));
	exit(EXIT_TEMPORARY);
}

/* Returns 0; or -1 after saying why, and what was read before stays. */
static int
settings_read(void)
{
	static stralloc value, why;

	why.len = 0;
	if (control_value_read(&value, "defaultdelivery", "./Maildir/", &why) == -1 ||
		!stralloc_copyb(&default_delivery, value.s, value.len) ||
		!stralloc_0(&default_delivery)) {
		fprintf(stderr, "tern-lspawn: warning: %.*s\n", (int)why.len, why.s);
		return -1;
	}
	return 0;
}

static void
home_name(void)
{
	char path[4096];

	if (!getcwd(path, sizeof path) || !text_append(&tern_home, "TERNHOME=", path, (char *)0) ||
		!stralloc_0(&tern_home))
		die_system("unable to name the working directory");
}

/* The arguments of a worker: each NUL ended, in one piece of memory. */
struct arguments {
	stralloc text;
	char *list[12];
};

static int
argument_add(struct arguments *arguments, struct span value)
{
	return stralloc_catb(&arguments->text, value.s, value.len) && stralloc_0(&arguments->text);
}

static int
arguments_make(struct arguments *arguments, struct account const *account, struct span local,
	struct span domain)
{
	struct span const values[] = {SPAN_LITERAL("tern-local"), SPAN_LITERAL("-w"),
		SPAN_LITERAL("--"), account->user, account->home, local, account->dash,
		account->ext, domain, span_string(default_delivery.s)};
	size_t count = sizeof values / sizeof values[0];
	char *s;

	arguments->text.len = 0;
	for (size_t i = 0; i < count; i++)
		if (!argument_add(arguments, values[i]))
			return 0;
	s = arguments->text.s;
	for (size_t i = 0; i < count; i++, s += strlen(s) + 1)
		arguments->list[i] = s;
	arguments->list[count] = NULL;
	return 1;
}

/* In the child. Root ends here. */
static void
worker_become(struct account const *account, char *const *arguments)
{
	char *environment[] = {tern_home.s, NULL};

	if (account->uid == 0 || account->gid == 0)
		_exit(EXIT_PERMANENT);
	if (privilege_drop(account->uid, account->gid) == -1)
		perror("tern-lspawn: fatal: unable to become the user");
	else {
		execve("bin/tern-local", arguments, environment);
		perror("tern-lspawn: fatal: unable to run bin/tern-local");
	}
	_exit(EXIT_TEMPORARY);
}

static pid_t
refuse(enum verdict *verdict, stralloc *text, struct span why)
{
	*verdict = VERDICT_TROUBLE;
	text_append_clean(text, why);
	return 0;
}

static pid_t
worker_start(struct span destination, int socket, enum verdict *verdict, stralloc *text)
{
	static struct lookup lookup;
	static struct arguments arguments;
	size_t at = span_find_last(destination, '@');
	struct span local = span(destination.s, at);
	pid_t pid;

	if (at == destination.len)
		return refuse(verdict, text, SPAN_LITERAL("The address has no domain. (#4.3.5)"));
	if (lookup_account(&lookup, local) != ACCOUNT_FOUND)
		return refuse(verdict, text, lookup.trouble);
	if (geteuid() != 0 && lookup.account.uid != geteuid())
		return refuse(verdict, text,
			SPAN_LITERAL("This is another user's mail, and tern-lspawn does not run as "
				     "root: it can only deliver to its own user. (#4.3.5)"));
	settings_read();
	if (!arguments_make(&arguments, &lookup.account, local,
		    span(destination.s + at + 1, destination.len - at - 1)))
		return -1;
	pid = spawn_fork((int[]){socket, 2, 2}, 3);
	if (pid == 0)
		worker_become(&lookup.account, arguments.list);
	return pid;
}

int
main(int argc, char **argv)
{
	static struct spawner const spawner = {"tern-lspawn", worker_start};

	(void)argv;
	if (argc != 1) {
		fputs("tern-lspawn: usage: tern-lspawn\n", stderr);
		return EXIT_PERMANENT;
	}
	umask(022);
	home_name();
	if (settings_read() == -1)
		return EXIT_PERMANENT;
	confinement_enter(CONFINEMENT_LSPAWN);
	return spawner_run(&spawner);
}
