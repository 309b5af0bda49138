#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "lib/privilege.h"
#include "tern/commands.h"
#include "tern/findings.h"
#include "tern/instance.h"
#include "tern/routediff.h"
#include "tern/routeexplain.h"
#include "tern/routelint.h"
#include "tern/routewords.h"

#define USAGE                                                                                      \
	"tern route [--from SENDER] [--connect] [--json] [--dir DIR] ADDRESS... | --check FILE | " \
	"--diff OLD NEW"

enum action { ACTION_EXPLAIN, ACTION_CHECK, ACTION_DIFF };

struct options {
	enum action action;
	enum facts_form form;
	char const *directory;
	struct span sender;
	int connect;
	int rest; /* the first argument that is no option */
};

static void
usage(void)
{
	strerr_dieusage(EXIT_PERMANENT, USAGE);
}

static void
options_read(struct options *o, int argc, char const *const *argv)
{
	int i;

	for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--from") == 0 && i + 1 < argc)
			o->sender = routewords_address(span_string(argv[++i]));
		else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
			o->directory = argv[++i];
		else if (strcmp(argv[i], "--connect") == 0)
			o->connect = 1;
		else if (strcmp(argv[i], "--json") == 0)
			o->form = FACTS_JSON;
		else if (strcmp(argv[i], "--check") == 0)
			o->action = ACTION_CHECK;
		else if (strcmp(argv[i], "--diff") == 0)
			o->action = ACTION_DIFF;
		else
			usage();
	}
	o->rest = i;
}

/* The path from anywhere. */
static char const *
path_resolve(char const *path)
{
	char *resolved = realpath(path, NULL);

	if (!resolved)
		strerr_diefsys(EXIT_PERMANENT, "can not read ", path);
	return resolved;
}

static int
check_file(char const *path, enum facts_form form)
{
	findings_begin(form == FACTS_JSON ? FINDINGS_JSON : FINDINGS_TEXT);
	routelint(path, ROUTELINT_ROUTES);
	return findings_end();
}

/*
 * What DNS and servers say is read as the user that tern-remote runs as, for
 * whom also the settings must be readable.
 */
static void
become_remote(void)
{
	if (privilege_become_owner("run/remote") == -1)
		strerr_diefusys(EXIT_TEMPORARY, "become the owner of run/remote");
	if (geteuid() == 0)
		strerr_dief(EXIT_PERMANENT, "run/remote belongs to root; see: tern init");
}

static int
explain(struct options const *o, char const *const *addresses)
{
	static struct routeexplain settings;
	struct routeexplain_question question = {o->form, o->sender, NULL, o->connect};
	stralloc why = STRALLOC_ZERO;
	int worst = EXIT_OK;

	become_remote();
	if (o->connect && !o->sender.s)
		question.sender = span("", 0);
	if (routeexplain_load(&settings, &why) == -1) {
		stralloc_0(&why);
		strerr_dief(EXIT_TEMPORARY, why.s);
	}
	for (; *addresses; addresses++) {
		int code;

		question.recipient = *addresses;
		code = routeexplain(&settings, &question);
		if (code > worst)
			worst = code;
	}
	return worst;
}

int
route_main(int argc, char const *const *argv)
{
	struct options o = {ACTION_EXPLAIN, FACTS_TEXT, NULL, {NULL, 0}, 0, 0};
	char const *old_path, *new_path;
	int left;

	options_read(&o, argc, argv);
	left = argc - o.rest;
	switch (o.action) {
	case ACTION_CHECK:
		if (left != 1)
			usage();
		return check_file(path_resolve(argv[o.rest]), o.form);
	case ACTION_DIFF:
		if (left != 2)
			usage();
		old_path = path_resolve(argv[o.rest]);
		new_path = path_resolve(argv[o.rest + 1]);
		instance_enter(instance_directory(o.directory));
		return routediff(old_path, new_path, o.form);
	case ACTION_EXPLAIN: break;
	}
	if (left < 1)
		usage();
	instance_enter(instance_directory(o.directory));
	return explain(&o, argv + o.rest);
}
