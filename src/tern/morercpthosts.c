/*
 * Compiles control/morercpthosts, a list of domains as control/rcpthosts, into
 * control/morercpthosts.cdb, which is qmail's format: the keys are the lines in
 * lower case, without data. Readers see the old table or the new one, whole.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/cdbmake.h>
#include <skalibs/strerr.h>

#include "lib/control.h"
#include "lib/durable.h"
#include "lib/exits.h"
#include "tern/commands.h"
#include "tern/instance.h"

#define USAGE "tern morercpthosts [DIR]"

static char const table[] = "control/morercpthosts.cdb";
static char const new_table[] = "control/morercpthosts.cdb.tmp";

static _Noreturn void
die_new_table(void)
{
	strerr_diefusys(EXIT_TEMPORARY, "write ", new_table);
}

static void
line_add(cdbmaker *maker, struct span line)
{
	static stralloc key = STRALLOC_ZERO;

	if (!stralloc_copyb(&key, line.s, line.len))
		die_new_table();
	for (size_t i = 0; i < key.len; i++)
		if (key.s[i] >= 'A' && key.s[i] <= 'Z')
			key.s[i] = (char)(key.s[i] - 'A' + 'a');
	if (!cdbmake_add(maker, key.s, (unsigned)key.len, "", 0))
		die_new_table();
}

static void
table_write(struct control_list const *list)
{
	static cdbmaker maker = CDBMAKER_ZERO;
	int fd = open(new_table, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd == -1 || fchmod(fd, 0644) == -1 || !cdbmake_start(&maker, fd))
		die_new_table();
	for (size_t i = 0; i < control_list_length(list); i++)
		line_add(&maker, control_list_line(list, i)->text);
	if (!cdbmake_finish(&maker) || fsync(fd) == -1 || close(fd) == -1)
		die_new_table();
	if (rename(new_table, table) == -1 || durable_directory("control") == -1)
		strerr_diefusys(EXIT_TEMPORARY, "replace ", table);
}

int
morercpthosts_main(int argc, char const *const *argv)
{
	struct control_list list = CONTROL_LIST_ZERO;
	stralloc why = STRALLOC_ZERO;

	if (argc > 2 || (argv[1] && argv[1][0] == '-'))
		strerr_dieusage(EXIT_PERMANENT, USAGE);
	instance_enter(instance_directory(argv[1]));
	if (control_list_read(&list, "morercpthosts", &why) == -1) {
		stralloc_0(&why);
		strerr_dief(EXIT_PERMANENT, why.s);
	}
	table_write(&list);
	printf("%s: %zu domains; for tern-smtpd to use it: s6-svc -h service/smtpd\n", table,
		control_list_length(&list));
	control_list_free(&list);
	return EXIT_OK;
}
