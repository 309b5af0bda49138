#include <stdio.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "tern/commands.h"
#include "tern/queuecommands.h"

static struct {
	char const *name;
	int (*run)(int argc, char const *const *argv);
} const commands[] = {
	{"ls", queue_ls_main},
	{"show", queue_show_main},
	{"hold", queue_order_main},
	{"release", queue_order_main},
	{"retry", queue_order_main},
	{"rm", queue_order_main},
	{"bounce", queue_order_main},
	{"shape", queue_shape_main},
	{"check", queue_check_main},
	{"repair", queue_repair_main},
	{"top", queue_top_main},
};

static char const *const help_lines[] = {
	"tern queue ls [SELECTION]       the messages",
	"tern queue show ID...           all about one",
	"tern queue hold SELECTION       keep them until they are released",
	"tern queue release SELECTION    let them go on",
	"tern queue retry SELECTION      try them now",
	"tern queue rm SELECTION         remove them; nobody is told",
	"tern queue bounce SELECTION     end them; their senders are told",
	"tern queue shape [SELECTION]    how old they are, by destination",
	"tern queue check                is every file what it should be?",
	"tern queue repair               mends a queue that no tern-send works on",
	"tern queue top                  what happens now: [--interval TIME] [--count N]",
};

/* Of all commands, or of one. */
static void
help(char const *command)
{
	char words[64];
	size_t len;

	snprintf(words, sizeof words, "tern queue %s ", command ? command : "");
	len = strlen(words) - (command == NULL);
	for (size_t i = 0; i < sizeof help_lines / sizeof help_lines[0]; i++)
		if (strncmp(help_lines[i], words, len) == 0)
			puts(help_lines[i]);
	puts("SELECTION: ID..., and what they must meet; * in a PATTERN is any text\n"
	     "  --sender PATTERN --recipient PATTERN --domain PATTERN --reason TEXT\n"
	     "  --older AGE --younger AGE (90s 10m 5h 3d) --larger SIZE --smaller SIZE (64k 5m)\n"
	     "  --state waiting|deferred|held|active|bouncing --limit N (the oldest N)\n"
	     "hold, release, retry, rm and bounce: --all for all messages, --dry-run to count\n"
	     "  them alone, --yes to ask nothing. With each: --json, --dir DIR.\n"
	     "See tern-queuetools(8).");
}

int
queue_main(int argc, char const *const *argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(argv[1], commands[i].name) == 0) {
			if (argc == 3 && strcmp(argv[2], "--help") == 0) {
				help(argv[1]);
				return EXIT_OK;
			}
			return commands[i].run(argc - 1, argv + 1);
		}
	if (argc > 1 && strcmp(argv[1], "--help") != 0)
		strerr_dief(EXIT_PERMANENT, argv[1],
			": no such command of the queue; try: tern queue --help");
	help(NULL);
	return argc > 1 ? EXIT_OK : EXIT_PERMANENT;
}
