#include "tern/services.h"

#include <stdio.h>

#include "lib/text.h"
#include "tern/files.h"

enum { PATH_LIMIT = 128, SCRIPT_LIMIT = 2048 };

/* Where a run script finds itself: s6 starts it in its service directory. */
#define RUN_BEGIN                                                                                  \
	"#!/bin/sh\n"                                                                              \
	"exec 2>&1\n"                                                                              \
	"cd ../.. || exit 111\n"                                                                   \
	"TERNHOME=$(pwd -P) && export TERNHOME || exit 111\n"

static struct {
	char const *name, *run;
} const services[] = {
	{"queue",
		RUN_BEGIN "exec ./bin/tern-listen -u queue/mess -m 0666 unix:run/queue/socket \\\n"
			  "\t./bin/tern-queue -s -d 3\n"},
	{"verify",
		RUN_BEGIN "exec ./bin/tern-listen -u run/lookup -m 0666 unix:run/lookup/socket \\\n"
			  "\t./bin/tern-verify -s -d 3\n"},
	{"smtpd", RUN_BEGIN "exec ./bin/tern-listen -u run/smtpd @smtplisten \\\n"
			    "\t./bin/tern-smtpd -s -d 3\n"},
	{"send", RUN_BEGIN "exec ./bin/tern-start -d 3\n"},
};

/*
 * Exit code 100 says that the configuration is wrong, so that starting again
 * is of no use; 111 that the system failed, so that it is tried again for ever.
 */
static char const finish[] =
	"#!/bin/sh\n"
	"# Arguments: exit code (256: a signal), signal, name. What is printed goes to the log.\n"
	"if [ \"$1\" = 100 ]; then\n"
	"\techo \"$3: fatal: wrong configuration, as said above: it stays down;"
	" mend it, then: s6-svc -u service/$3\"\n"
	"\texit 125\n"
	"fi\n"
	"exec s6-permafailon 60 5 1-99,101-110,112-255,SIGSEGV,SIGABRT,SIGBUS true\n";

static char const log_run[] =
	"#!/bin/sh\n"
	"cd ../../.. || exit 111\n"
	"as=\n"
	"[ \"$(id -u)\" != 0 ] || as=\"s6-setuidgid $(stat -c %%u:%%g log)\"\n"
	"exec $as s6-log -b -d 3 n20 s1000000 S25000000 t ./log/%s\n";

static void
write_in(char const *service, char const *name, mode_t mode, char const *text)
{
	char path[PATH_LIMIT];

	snprintf(path, sizeof path, "service/%s/%s", service, name);
	files_write(path, mode, span_string(text));
}

static void
directory_in(char const *service, char const *name)
{
	char path[PATH_LIMIT];

	snprintf(path, sizeof path, "service/%s%s", service, name);
	files_directory(path, 0755);
}

static void
service_make(char const *name, char const *run)
{
	char script[SCRIPT_LIMIT];

	directory_in(name, "");
	write_in(name, "run", 0755, run);
	write_in(name, "finish", 0755, finish);
	write_in(name, "notification-fd", 0644, "3\n");
	write_in(name, "timeout-kill", 0644, "60000\n");
	directory_in(name, "/log");
	snprintf(script, sizeof script, log_run, name);
	write_in(name, "log/run", 0755, script);
	write_in(name, "log/notification-fd", 0644, "3\n");
}

void
services_make(void)
{
	files_directory("service/.s6-svscan", 0755);
	write_in(".s6-svscan", "finish", 0755, "#!/bin/sh\nexit 0\n");
	write_in(".s6-svscan", "crash", 0755, "#!/bin/sh\nexit 111\n");
	for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
		service_make(services[i].name, services[i].run);
}
