#include "inject/actions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inject/fail.h"
#include "lib/exits.h"

static char const qread_program[] = "bin/tern-qread";
static char const smtpd_program[] = "bin/tern-smtpd";
static char const send_service[] = "service/send";
static char const send_control[] = "service/send/supervise/control";

_Noreturn static void
fail_program(char const *program)
{
	int e = errno;

	fail(e == EACCES ? FAIL_PERMISSION : FAIL_SYSTEM, program, " can not be run: ", strerror(e),
		": is tern installed here?", (char *)NULL);
}

void
action_list_queue(char *const *arguments)
{
	size_t count = 0;
	char const **argv;

	while (arguments[count])
		count++;
	argv = calloc(count + 2, sizeof *argv);
	if (!argv)
		fail_memory();
	argv[0] = "mailq";
	for (size_t i = 0; i < count; i++)
		argv[i + 1] = arguments[i];
	execv(qread_program, (char *const *)argv);
	free(argv);
	fail_program(qread_program);
}

void
action_smtp(void)
{
	static char const *const foreign[] = {"PROTO", "TCPLOCALHOST", "TCPLOCALIP", "TCPLOCALPORT",
		"TCPREMOTEHOST", "TCPREMOTEIP", "TCPREMOTEPORT", "TCPREMOTEINFO", NULL};
	char name[] = "tern-smtpd";
	char *argv[] = {name, NULL};

	for (char const *const *v = foreign; *v; v++)
		unsetenv(*v);
	if (setenv("RELAYCLIENT", "", 1) == -1)
		fail_memory();
	execv(smtpd_program, argv);
	fail_program(smtpd_program);
}

/* s6-svc would wait for a reader that is not there; the fifo tells us whether there is one. */
static int
send_is_ours_to_ask(void)
{
	int fd = open(send_control, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return 0;
	close(fd);
	return 1;
}

void
action_run_queue(int verbose)
{
	char *argv[] = {"s6-svc", "-a", (char *)send_service, NULL};

	if (!send_is_ours_to_ask()) {
		if (verbose)
			puts("tern tries every message again at its own time; "
			     "an administrator can hasten that");
		exit(EXIT_OK);
	}
	execvp(argv[0], argv);
	fail_program(argv[0]);
}

void
action_aliases(void)
{
	puts("newaliases: nothing to do: tern reads no /etc/aliases; "
	     "an alias NAME is the file alias/.qmail-NAME in its home, and needs no rebuilding");
	exit(EXIT_OK);
}
