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

static void
help(void)
{
	puts("tern queue ls [SELECTION]       the messages\n"
	     "tern queue show ID...           all about one\n"
	     "tern queue hold SELECTION       keep them until they are released\n"
	     "tern queue release SELECTION    let them go on\n"
	     "tern queue retry SELECTION      try them now\n"
	     "tern queue rm SELECTION         remove them; nobody is told\n"
	     "tern queue bounce SELECTION     end them; their senders are told\n"
	     "tern queue shape                how old they are, by destination\n"
	     "tern queue check                is every file what it should be?\n"
	     "tern queue repair               mends a queue that no tern-send works on\n"
	     "tern queue top                  what happens now\n"
	     "SELECTION: ID... --sender A --recipient A --domain D --older AGE --younger AGE\n"
	     "  --larger SIZE --smaller SIZE --reason TEXT --limit N --all\n"
	     "  --state waiting|deferred|held|active|bouncing\n"
	     "With each: --json, --dir DIR. Orders: --dry-run, --yes. See tern-queuetools(8).");
}

int
queue_main(int argc, char const *const *argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "--help") != 0)
		strerr_dief(EXIT_PERMANENT, argv[1],
			": no such command of the queue; try: tern queue --help");
	help();
	return argc > 1 ? EXIT_OK : EXIT_PERMANENT;
}
