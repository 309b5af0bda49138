/*
 * tern-verify - says whether a local address can exist
 *
 * Started by  tern-listen, as the owner of run/lookup: tern-verify -s [-d readyfd].
 *             By hand, tern-verify local..., it prints what it would answer.
 * fd 0        the listening socket run/lookup/socket.
 * fd 2        log lines.
 * Touches     looks up accounts as the system does; looks at the names of .qmail
 *             files in their homes and in alias/.
 * Trusts      nobody: who asks learns what each user of this machine can find
 *             out by himself (wire/verification.h).
 * Exits       0 on SIGTERM, and by hand when all of them can exist; by hand 100
 *             when one can not, 111 when it can not be said; 100 also on wrong
 *             use, 111 when the system fails us.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/exits.h"
#include "lib/home.h"
#include "lib/number.h"
#include "lib/privilege.h"
#include "policy/confinement.h"
#include "service/service.h"
#include "verify/recipient.h"

enum {
	WORKERS_MAX = 200,
	WORKERS_PER_CLIENT_MAX = 100, /* tern-smtpd asks for all of its clients */
	WORKER_IDLE = 60,             /* seconds */
	QUESTION_WAIT = 10            /* seconds for the question to come */
};

static int
fatal(int code, char const *what, char const *why)
{
	fprintf(stderr, "tern-verify: fatal: %s%s%s\n", what, why ? ": " : "", why ? why : "");
	return code;
}

/* Reads up to the NUL. Returns the length, 0 when no question came. */
static size_t
question_read(int connection, char *question)
{
	struct timeval patience = {.tv_sec = QUESTION_WAIT};
	size_t len = 0;

	if (setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == -1)
		return 0;
	do {
		ssize_t n = read(connection, question + len, VERIFICATION_QUESTION_MAX - len);

		if (n <= 0)
			return 0;
		len += (size_t)n;
	} while (len < VERIFICATION_QUESTION_MAX && question[len - 1] != '\0');
	return len;
}

static void
serve(int connection)
{
	static stralloc answer = STRALLOC_ZERO, why = STRALLOC_ZERO;
	char question[VERIFICATION_QUESTION_MAX];
	enum verification verification;
	struct span local;
	size_t len = question_read(connection, question);

	if (verification_question_parse(&local, question, len) == -1)
		return;
	answer.len = why.len = 0;
	verification = recipient_verify(local, &why);
	if (verification_answer_format(&answer, verification, span(why.s, why.len)))
		(void)send(connection, answer.s, answer.len, MSG_NOSIGNAL);
}

static void
worker_confine(void)
{
	confinement_enter(CONFINEMENT_VERIFY);
}

static int
service(int ready_fd)
{
	struct service const this = {
		.program = "tern-verify",
		.workers_max = WORKERS_MAX,
		.per_client_max = WORKERS_PER_CLIENT_MAX,
		.idle_seconds = WORKER_IDLE,
		.ready_fd = ready_fd,
		.confine = worker_confine,
		.serve = serve,
	};

	confinement_enter(CONFINEMENT_VERIFY_PARENT);
	return service_run(&this);
}

static int
command(char *const *locals)
{
	static char const *const words[] = {"exists", "does not exist", "is in trouble"};
	stralloc why = STRALLOC_ZERO;
	int code = EXIT_OK;

	for (; *locals; locals++) {
		enum verification verification;

		why.len = 0;
		verification = recipient_verify(span_string(*locals), &why);
		printf("%s %s%s%.*s\n", *locals, words[verification], why.len ? ": " : "",
			(int)why.len, why.len ? why.s : "");
		if (verification == VERIFICATION_TROUBLE)
			code = EXIT_TEMPORARY;
		else if (verification == VERIFICATION_NO && code == EXIT_OK)
			code = EXIT_PERMANENT;
	}
	stralloc_free(&why);
	return code;
}

int
main(int argc, char **argv)
{
	int is_service = 0, is_wrong = 0, has_ready_fd = 0, option;
	uint64_t ready_fd = 0;

	opterr = 0;
	while ((option = getopt(argc, argv, "sd:")) != -1) {
		if (option == 's')
			is_service = 1;
		else if (option == 'd' && number_parse(span_string(optarg), 1023, &ready_fd) == 0)
			has_ready_fd = 1;
		else
			is_wrong = 1;
	}
	if (is_wrong || is_service != (optind == argc) || (has_ready_fd && !is_service))
		return fatal(EXIT_PERMANENT, "usage: tern-verify -s [-d readyfd] | local...", NULL);
	if (home_enter() == -1)
		return fatal(EXIT_PERMANENT, home_path(), strerror(errno));
	if (privilege_become_owner("run/lookup") == -1 || getuid() == 0)
		return fatal(EXIT_PERMANENT,
			"unable to look up accounts: run/lookup must be there and must not be root's",
			NULL);
	return is_service ? service(has_ready_fd ? (int)ready_fd : -1) : command(argv + optind);
}
