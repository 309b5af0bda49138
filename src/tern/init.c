#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/control.h"
#include "lib/exits.h"
#include "lib/number.h"
#include "tern/commands.h"
#include "tern/files.h"
#include "tern/instance.h"
#include "tern/owners.h"
#include "tern/programs.h"
#include "tern/services.h"
#include "tern/settings.h"

#define USAGE "tern init [--user NAME|UID[:GID]] [--copy] [DIR]"

enum { ID_MAX = 0x7fffffff };

struct request {
	char const *directory;
	char const *user;
	int copy; /* the programs, instead of a link to them */
	uid_t uid;
	gid_t gid;
};

static void
user_parse(struct request *request)
{
	struct span gid = span_string(request->user);
	struct span uid = span_cut(&gid, ':');
	struct passwd const *pw;
	uint64_t number;

	if (number_parse(uid, ID_MAX, &number) == 0) {
		request->uid = (uid_t)number;
		request->gid = (gid_t)number;
		if (gid.len && number_parse(gid, ID_MAX, &number) == -1)
			strerr_dieusage(EXIT_PERMANENT, USAGE);
		if (gid.len)
			request->gid = (gid_t)number;
	} else {
		pw = getpwnam(request->user);
		if (!pw)
			strerr_dief(EXIT_PERMANENT, "there is no user ", request->user);
		request->uid = pw->pw_uid;
		request->gid = pw->pw_gid;
	}
	if (request->uid == 0)
		strerr_dief(EXIT_PERMANENT, "an instance of one user can not be root's");
}

static void
arguments(struct request *request, int argc, char const *const *argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--copy") == 0)
			request->copy = 1;
		else if (strcmp(argv[i], "--user") == 0 && i + 1 < argc)
			request->user = argv[++i];
		else if (argv[i][0] == '-' || request->directory)
			strerr_dieusage(EXIT_PERMANENT, USAGE);
		else
			request->directory = argv[i];
	}
	request->directory = instance_directory(request->directory);
}

static void
enter_new(char const *directory)
{
	if (mkdir(directory, 0755) == -1 && errno != EEXIST)
		strerr_diefusys(EXIT_PERMANENT, "make ", directory);
	if (chdir(directory) == -1)
		strerr_diefusys(EXIT_PERMANENT, "enter ", directory);
}

static void
say_ready(char const *directory)
{
	stralloc why = STRALLOC_ZERO;
	struct control_list listen = CONTROL_LIST_ZERO;

	printf("tern: %s is ready", directory);
	if (control_list_read(&listen, "smtplisten", &why) == 1 && control_list_length(&listen)) {
		struct span first = control_list_line(&listen, 0)->text;

		printf(", for SMTP on %.*s", (int)first.len, first.s);
	}
	printf("; settings are in control/, start it with: tern up %s\n", directory);
	control_list_free(&listen);
	stralloc_free(&why);
}

/* The one of the whole machine: a user for each task. */
static int
init_built_in(void)
{
	struct owners owners;

	if (access(TERN_HOME "/bin/tern-queue", F_OK) == -1)
		strerr_dief(EXIT_PERMANENT,
			"the programs are not in " TERN_HOME "/bin yet; first: make install");
	owners_create();
	if (owners_find(&owners) != 0)
		strerr_dief(EXIT_TEMPORARY, "the system users could not all be made");
	enter_new(TERN_HOME);
	owners_make();
	settings_make(LISTEN_STANDARD);
	aliases_make(owners.uid[TERNA], owners.gid[TERNA]);
	services_make();
	owners_apply(&owners);
	say_ready(TERN_HOME);
	return EXIT_OK;
}

/* As root for another user: the folder becomes that one's, and so do we. */
static void
hand_over(struct request const *request)
{
	struct stat st;

	if (mkdir(request->directory, 0755) == 0) {
		if (chown(request->directory, request->uid, request->gid) == -1)
			strerr_diefusys(
				EXIT_TEMPORARY, "give ", request->directory, " to its user");
	} else if (errno != EEXIST) {
		strerr_diefusys(EXIT_PERMANENT, "make ", request->directory);
	} else if (stat(request->directory, &st) == -1 || st.st_uid != request->uid) {
		strerr_dief(EXIT_PERMANENT, request->directory,
			" is there and belongs to another user; give it to the right one, or take "
			"another name");
	}
	instance_become(request->uid, request->gid);
}

static int
init_own(struct request const *request)
{
	static struct programs programs;
	char directory[PROGRAM_PATH_MAX];

	programs_directory(directory, tern_argv0);
	if (request->copy)
		programs_open(&programs, directory);
	if (geteuid() == 0)
		hand_over(request);
	enter_new(request->directory);
	owners_make();
	settings_make(LISTEN_LOOPBACK);
	aliases_make(geteuid(), getegid());
	services_make();
	if (request->copy)
		programs_copy(&programs);
	else
		files_link(directory, "bin");
	if (access("bin/tern-queue", X_OK) == -1)
		strerr_dief(EXIT_PERMANENT, directory,
			": the programs there can not be run by the user of this instance; remove ",
			request->directory, " and use: tern init --copy");
	say_ready(request->directory);
	return EXIT_OK;
}

int
init_main(int argc, char const *const *argv)
{
	struct request request = {0};

	arguments(&request, argc, argv);
	if (request.user)
		user_parse(&request);
	if (geteuid() != 0) {
		if (request.user && request.uid != getuid())
			strerr_dief(
				EXIT_PERMANENT, "only root can make an instance for another user");
		return init_own(&request);
	}
	if (request.user)
		return init_own(&request);
	if (instance_is_built_in(request.directory))
		return init_built_in();
	strerr_dief(EXIT_PERMANENT,
		"as root I make the instance " TERN_HOME
		", with a user for each task, or one for a single user: tern init --user NAME ",
		request.directory);
}

/* For make install: owners and modes of what is installed, as far as the users are there. */
int
owners_main(int argc, char const *const *argv)
{
	struct owners owners;
	char home[PROGRAM_PATH_MAX];
	char const *root = "";

	if (argc == 3 && strcmp(argv[1], "--root") == 0)
		root = argv[2];
	else if (argc != 1)
		strerr_dieusage(EXIT_PERMANENT, "tern owners [--root DIR]");
	snprintf(home, sizeof home, "%s%s", root, TERN_HOME);
	if (chdir(home) == -1)
		strerr_diefusys(EXIT_PERMANENT, "enter ", home);
	if (geteuid() != 0) {
		strerr_warnw("not root: owners and modes are left as they are");
		return EXIT_OK;
	}
	if (owners_find(&owners) != 0) {
		fputs("tern: users and groups that are missing (\"tern init\" makes them):",
			stderr);
		owners_say_missing();
		return EXIT_OK;
	}
	owners_apply(&owners);
	return EXIT_OK;
}
