/*
 * tern - make, start, stop and look at an instance
 *
 * Started by  the administrator: root, or the user whose instance it is. As
 *             root it becomes the owner of an instance that is not root's
 *             before it reads or starts anything there.
 * Commands    init    makes an instance: control, queue, run, alias, log and
 *                     the service tree for s6; changes nothing that is there
 *             up      starts s6-svscan on it and waits until all is ready
 *             down    stops it and waits until all is gone
 *             status  says what runs and what is queued
 *             check   says what is wrong with the settings, or what each
 *                     process can still reach
 *             route   says where mail goes, and why; root becomes the owner of
 *                     run/remote before it asks DNS
 *             routes  compiles smtproutes
 *             relays  says which relays failed lately, as the owner of run/remote
 *             queue   looks at and changes what is queued (queue.c)
 *             why     tells the life of a message
 *             metrics prints counters for Prometheus
 *             morercpthosts  compiles the list of this name in control
 *             owners  sets owners and modes of what make install put there
 *             version, help
 * Touches     the instance; of other files, reads /etc/mailname.
 * Runs        s6-svscan, s6-svscanctl, s6-svc, s6-svstat, s6-svwait; init as
 *             root also useradd and groupadd; found by PATH. route --connect:
 *             bin/tern-remote.
 * Trusts      its caller. What came from outside (queue, logs) is read by the
 *             commands of the queue, why and metrics alone, after root was
 *             given up for the owner of queue/hist; DNS by route.
 * Exits       0 done; status and up: 1 when something is not up and ready;
 *             check, queue check: 1 when something is not as it should be;
 *             check: 100 when something does not work; route: 100 when mail
 *             would bounce, 111 when it would wait;
 *             100 wrong use, 111 the system failed us.
 */
#include <stdio.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "tern/commands.h"

char const *tern_argv0;

static int
version_main(int argc, char const *const *argv)
{
	(void)argc, (void)argv;
	puts("tern " TERN_VERSION);
	return EXIT_OK;
}

static char const *const help_lines[] = {
	"tern init [--user NAME|UID[:GID]] [--copy] [DIR]  make an instance",
	"tern up [--foreground] [DIR]                      start it",
	"tern down [--force] [DIR]                         stop it",
	"tern status [--json] [DIR]                        what runs, what is queued",
	"tern check [--json] [DIR]                         what is wrong with the settings",
	"tern check --confinement [--json] [DIR]           what each process can reach",
	"tern route [--from S] ADDRESS...                  where mail goes, and why",
	"tern routes compile [DIR]                         smtproutes for fast lookups",
	"tern relays [--json] [DIR]                        which relays failed lately",
	"tern relays forget ADDRESS...                     as if they had not",
	"tern queue ...                                    see tern queue --help",
	"tern why [--json] ID|ADDRESS                      the life of a message",
	"tern metrics [--textfile PATH]                    counters for Prometheus",
	"tern morercpthosts [DIR]                          compile control/morercpthosts",
	"tern owners [--root DIR]                          owners and modes of the programs",
	"tern version                                      print the version",
};

/* The lines that begin with the words. Returns how many there are. */
static unsigned
help_print(char const *words)
{
	size_t len = strlen(words);
	unsigned count = 0;

	for (size_t i = 0; i < sizeof help_lines / sizeof help_lines[0]; i++)
		if (strncmp(help_lines[i], words, len) == 0) {
			puts(help_lines[i]);
			count++;
		}
	return count;
}

static int
help_main(int argc, char const *const *argv)
{
	(void)argc, (void)argv;
	help_print("tern ");
	puts("Without DIR: $TERNHOME, else " TERN_HOME ". See tern(8) and tern(7).");
	return EXIT_OK;
}

/* "tern up --help" */
static int
command_help(char const *command)
{
	char words[64];

	snprintf(words, sizeof words, "tern %s ", command);
	if (help_print(words) == 0)
		return help_main(0, NULL);
	puts("See tern(8).");
	return EXIT_OK;
}

static struct {
	char const *name;
	int (*run)(int argc, char const *const *argv);
} const commands[] = {
	{"init", init_main},
	{"up", up_main},
	{"down", down_main},
	{"status", status_main},
	{"check", check_main},
	{"route", route_main},
	{"routes", routes_main},
	{"relays", relays_main},
	{"queue", queue_main},
	{"why", why_main},
	{"metrics", metrics_main},
	{"morercpthosts", morercpthosts_main},
	{"owners", owners_main},
	{"version", version_main},
	{"help", help_main},
	{"--version", version_main},
	{"--help", help_main},
};

int
main(int argc, char const *const *argv)
{
	PROG = "tern";
	tern_argv0 = argv[0];
	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(argv[1], commands[i].name) == 0) {
			if (argc == 3 && strcmp(argv[2], "--help") == 0 &&
				commands[i].run != queue_main)
				return command_help(argv[1]);
			return commands[i].run(argc - 1, argv + 1);
		}
	if (argc > 1)
		strerr_dief(EXIT_PERMANENT, argv[1], ": no such command; try: tern help");
	help_main(argc, argv);
	return EXIT_PERMANENT;
}
