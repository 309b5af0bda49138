#include "tern/instance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "lib/home.h"
#include "lib/privilege.h"

char const *
instance_directory(char const *argument)
{
	return argument ? argument : home_path();
}

int
instance_is_built_in(char const *directory)
{
	struct stat a, b;

	if (strcmp(directory, TERN_HOME) == 0)
		return 1;
	return stat(directory, &a) == 0 && stat(TERN_HOME, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

void
instance_become(uid_t uid, gid_t gid)
{
	if (privilege_drop(uid, gid) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "become the owner of the instance");
}

static void
home_export(void)
{
	char path[4096];

	if (!getcwd(path, sizeof path))
		strerr_diefusys(EXIT_TEMPORARY, "get the path of the instance");
	if (setenv("TERNHOME", path, 1) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "set TERNHOME");
}

static void
directory_enter(char const *directory, struct stat *home)
{
	if (chdir(directory) == -1)
		strerr_diefsys(EXIT_PERMANENT, "can not enter ", directory,
			" (to make an instance there: tern init ", directory, ")");
	if (stat(".", home) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "look at ", directory);
}

static void
whole_or_die(char const *directory)
{
	struct stat st;

	if (stat("queue/mess", &st) == 0 && stat("service", &st) == 0)
		return;
	if (errno == EACCES)
		strerr_dief(EXIT_PERMANENT, directory,
			": you may not look into it; try as root or as its owner (your own "
			"messages: mailq)");
	if (errno != ENOENT && errno != ENOTDIR)
		strerr_diefusys(EXIT_TEMPORARY, "look into ", directory);
	strerr_dief(EXIT_PERMANENT, directory,
		" is not a complete instance; to complete it: tern init ", directory);
}

static void
not_root_or_die(char const *directory)
{
	if (instance_is_built_in("."))
		strerr_dief(EXIT_PERMANENT, directory,
			": queue/mess belongs to root; to mend that: tern queue repair");
	strerr_dief(EXIT_PERMANENT, directory,
		": everything here belongs to root, and as root it does not run; make it "
		"anew with: tern init --user NAME ",
		directory);
}

void
instance_enter(char const *directory)
{
	struct stat home, queue;

	directory_enter(directory, &home);
	instance_become(home.st_uid, home.st_gid);
	whole_or_die(directory);
	if (geteuid() == 0 && stat("queue/mess", &queue) == 0 && queue.st_uid == 0)
		not_root_or_die(directory);
	home_export();
}

void
instance_enter_as_caller(char const *directory)
{
	struct stat home;

	directory_enter(directory, &home);
	whole_or_die(directory);
	if (geteuid() == 0 && home.st_uid == 0 && !instance_is_built_in("."))
		not_root_or_die(directory);
	home_export();
}
