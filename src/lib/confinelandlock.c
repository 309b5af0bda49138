#define _GNU_SOURCE
#include "lib/confine.h"

/*
 * Which files: Landlock. A process that has said it takes part can from then
 * on only open what its rules name, whoever it is. Looking at names (stat) and
 * what is open already are not its matter.
 */
#ifdef __linux__

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The numbers are the same on each kind of machine; old headers have neither them nor the rest. */
#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule 445
#define __NR_landlock_restrict_self 446
#endif

enum { VERSION_FLAG = 1, RULE_PATH = 1 };

enum right {
	RIGHT_WRITE_FILE = 1 << 1,
	RIGHT_READ_FILE = 1 << 2,
	RIGHT_READ_DIRECTORY = 1 << 3,
	RIGHT_REMOVE_DIRECTORY = 1 << 4,
	RIGHT_REMOVE_FILE = 1 << 5,
	RIGHT_MAKE_DIRECTORY = 1 << 7,
	RIGHT_MAKE_FILE = 1 << 8,
	RIGHT_MAKE_SOCKET = 1 << 9,
	RIGHT_MAKE_FIFO = 1 << 10,
	RIGHT_MAKE_LINK = 1 << 12,
	RIGHT_REFER = 1 << 13,    /* version 2: to rename from one folder to another */
	RIGHT_TRUNCATE = 1 << 14, /* version 3 */
	RIGHT_DEVICE = 1 << 15,   /* version 5 */
	RIGHTS_1 = (1 << 13) - 1, /* all of version 1 */
	RIGHTS_TO_READ = RIGHT_READ_FILE | RIGHT_READ_DIRECTORY,
	RIGHTS_TO_WRITE = RIGHT_WRITE_FILE | RIGHT_TRUNCATE | RIGHT_READ_DIRECTORY |
			  RIGHT_REMOVE_DIRECTORY | RIGHT_REMOVE_FILE | RIGHT_MAKE_DIRECTORY |
			  RIGHT_MAKE_FILE | RIGHT_MAKE_SOCKET | RIGHT_MAKE_FIFO | RIGHT_MAKE_LINK |
			  RIGHT_REFER
};

enum { TCP_BIND = 1, TCP_CONNECT = 2 };             /* version 4 */
enum { SCOPE_ABSTRACT_UNIX = 1, SCOPE_SIGNAL = 2 }; /* version 6 */

struct ruleset {
	uint64_t files, tcp, scope;
};

struct rule {
	uint64_t rights;
	int32_t folder;
} __attribute__((packed));

int
confine_landlock_version(void)
{
	long version = syscall(__NR_landlock_create_ruleset, NULL, 0, VERSION_FLAG);

	return version > 0 ? (int)version : 0;
}

/* What is refused unless a rule allows it. */
static struct ruleset
ruleset_of(struct confine const *c, int version)
{
	struct ruleset r = {.files = RIGHTS_1};

	if (version >= 2)
		r.files |= RIGHT_REFER;
	if (version >= 3)
		r.files |= RIGHT_TRUNCATE;
	if (version >= 5)
		r.files |= RIGHT_DEVICE;
	if (version >= 4 && !(c->may & CONFINE_INTERNET))
		r.tcp = TCP_BIND | TCP_CONNECT;
	if (version >= 6)
		r.scope = c->may & CONFINE_SIGNAL ? SCOPE_ABSTRACT_UNIX
						  : SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	return r;
}

/* What is not there needs no rule. */
static void
rule_add(int ruleset, char const *folder, uint64_t rights)
{
	struct rule rule = {rights, open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC)};

	if (rule.folder == -1)
		return;
	syscall(__NR_landlock_add_rule, ruleset, RULE_PATH, &rule, 0);
	close(rule.folder);
}

/* For a file the folder that it is in after all links, since it may be replaced by a new one. */
static void
rule_add_file(int ruleset, char const *file, uint64_t rights)
{
	char target[PATH_MAX], *slash;

	if (!realpath(file, target) || !(slash = strrchr(target, '/')) || slash == target)
		return;
	*slash = '\0';
	rule_add(ruleset, target, rights);
}

/* Settings may be links to files elsewhere. */
static void
rule_add_links(int ruleset, DIR *folder, char const *path, uint64_t rights)
{
	char link[PATH_MAX];
	struct dirent const *entry;

	while ((entry = readdir(folder)))
		if (entry->d_type == DT_LNK && snprintf(link, sizeof link, "%s/%s", path,
						       entry->d_name) < (int)sizeof link)
			rule_add_file(ruleset, link, rights);
}

static void
rules_add_to_read(int ruleset, char const *path, uint64_t rights, int with_links)
{
	DIR *folder = opendir(path);

	if (!folder) {
		rule_add_file(ruleset, path, rights);
		return;
	}
	rule_add(ruleset, path, rights);
	if (with_links)
		rule_add_links(ruleset, folder, path, rights);
	closedir(folder);
}

static void
rules_add(int ruleset, struct confine const *c, uint64_t handled)
{
	for (size_t i = 0; i < CONFINE_PATHS && c->reads[i]; i++)
		rules_add_to_read(ruleset, c->reads[i], handled & RIGHTS_TO_READ, i == 0);
	for (size_t i = 0; i < CONFINE_PATHS && c->writes[i]; i++)
		rule_add(ruleset, c->writes[i], handled & RIGHTS_TO_WRITE);
}

void
confine_landlock(struct confine const *c)
{
	int version = confine_landlock_version();
	struct ruleset attributes = ruleset_of(c, version);
	int ruleset;

	/* Version 1 lets nobody rename from one folder to another. */
	if (version == 0 || (version == 1 && c->may & CONFINE_NAMES))
		return;
	ruleset = (int)syscall(__NR_landlock_create_ruleset, &attributes, sizeof attributes, 0);
	if (ruleset == -1)
		return;
	rules_add(ruleset, c, attributes.files);
	syscall(__NR_landlock_restrict_self, ruleset, 0);
	close(ruleset);
}

/*
 * Capabilities.
 */
void
confine_capabilities(struct confine const *c)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint32_t kept;

	if (syscall(__NR_capget, &header, data) == -1)
		return;
	kept = data[0].permitted & c->capabilities;
	if (!data[0].permitted && !data[1].permitted)
		return;
	memset(data, 0, sizeof data);
	data[0].permitted = data[0].effective = kept;
	syscall(__NR_capset, &header, data);
}

void
confine_capabilities_bound(void)
{
	if (geteuid() != 0)
		return;
	for (unsigned long i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

#else
int
confine_landlock_version(void)
{
	return 0;
}

void
confine_landlock(struct confine const *c)
{
	(void)c;
}

void
confine_capabilities(struct confine const *c)
{
	(void)c;
}

void
confine_capabilities_bound(void)
{
}
#endif
