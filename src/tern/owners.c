#include "tern/owners.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "lib/platform.h"
#include "spool/layout.h"
#include "tern/command.h"
#include "tern/files.h"

enum { PATH_LIMIT = 128 };

static int
account_find(struct owners *owners, size_t which)
{
	struct passwd const *pw = getpwnam(account_names[which]);

	if (!pw)
		return 0;
	owners->uid[which] = pw->pw_uid;
	owners->gid[which] = pw->pw_gid;
	return 1;
}

unsigned
owners_find(struct owners *owners)
{
	struct group const *group = getgrnam(group_tern);
	unsigned missing = !group;

	owners->tern = group ? group->gr_gid : 0;
	for (size_t i = 0; i < ACCOUNTS; i++)
		missing += !account_find(owners, i);
	return missing;
}

void
owners_say_missing(void)
{
	struct owners owners;

	if (!getgrnam(group_tern))
		fprintf(stderr, " %s(group)", group_tern);
	for (size_t i = 0; i < ACCOUNTS; i++)
		if (!account_find(&owners, i))
			fprintf(stderr, " %s", account_names[i]);
	fputc('\n', stderr);
}

static void
run_or_die(char const *const *argv)
{
	if (command_run(argv) != 0)
		strerr_dief(EXIT_TEMPORARY, argv[0], " failed; see what it says above");
}

static void
account_create(size_t which)
{
	char const *name = account_names[which];
	char const *home = which == TERNA ? TERN_HOME "/alias" : "/nonexistent";

	if (which == TERNQ || which == TERNS)
		run_or_die((char const *[]){"useradd", "-r", "-M", "-N", "-g", group_tern, "-d",
			home, "-s", "/usr/sbin/nologin", name, NULL});
	else
		run_or_die((char const *[]){"useradd", "-r", "-M", "-U", "-d", home, "-s",
			"/usr/sbin/nologin", name, NULL});
}

void
owners_create(void)
{
	struct owners owners;

	if (owners_find(&owners) == 0)
		return;
	fputs("tern: creating the system users (and groups) that are missing:", stderr);
	owners_say_missing();
	if (!getgrnam(group_tern))
		run_or_die((char const *[]){"groupadd", "-r", group_tern, NULL});
	for (size_t i = 0; i < ACCOUNTS; i++)
		if (!account_find(&owners, i))
			account_create(i);
}

static void
shards_make(struct table_entry const *entry)
{
	char path[PATH_LIMIT];

	for (unsigned shard = 0; shard < SPOOL_SHARDS; shard++) {
		snprintf(path, sizeof path, "%s/%u", entry->path, shard);
		files_directory(path, entry->mode);
	}
}

static void
entry_make(struct table_entry const *entry)
{
	switch (entry->kind) {
	case TABLE_PROGRAM: return;
	case TABLE_FIFO: files_fifo(entry->path, entry->mode); return;
	case TABLE_FILE: files_write(entry->path, entry->mode, SPAN_LITERAL("")); return;
	case TABLE_DIRECTORY: files_directory(entry->path, entry->mode); return;
	case TABLE_SHARDS:
		files_directory(entry->path, entry->mode);
		platform_spread_directories(entry->path);
		shards_make(entry);
		return;
	}
}

void
owners_make(void)
{
	for (unsigned i = 0; i < table_length; i++)
		entry_make(&table[i]);
}

/*
 * By descriptor, so that the owner of a folder can not put a link in the way
 * (bin may be one). Owner first: a change of owner takes the setuid bit away.
 */
static void
one_apply(char const *path, enum table_kind kind, uid_t uid, gid_t gid, mode_t mode)
{
	int flags = O_RDONLY | O_NONBLOCK;
	int fd = kind == TABLE_PROGRAM ? open(path, flags | O_NOFOLLOW | O_CLOEXEC)
				       : files_open_below(path, flags);

	if (fd == -1 && errno == ENOENT)
		return;
	if (fd == -1 || fchown(fd, uid, gid) == -1 || fchmod(fd, mode) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "set owner and mode of ", path);
	close(fd);
}

static void
entry_apply(struct owners const *owners, struct table_entry const *entry)
{
	char path[PATH_LIMIT];
	uid_t uid = owners->uid[entry->owner];
	gid_t gid = entry->group == GROUP_TERN ? owners->tern : owners->gid[entry->owner];

	one_apply(entry->path, entry->kind, uid, gid, entry->mode);
	for (unsigned shard = 0; entry->kind == TABLE_SHARDS && shard < SPOOL_SHARDS; shard++) {
		snprintf(path, sizeof path, "%s/%u", entry->path, shard);
		one_apply(path, TABLE_DIRECTORY, uid, gid, entry->mode);
	}
}

void
owners_apply(struct owners const *owners)
{
	for (unsigned i = 0; i < table_length; i++)
		entry_apply(owners, &table[i]);
}

void
owners_apply_below(struct owners const *owners, char const *folder)
{
	size_t len = strlen(folder);

	for (unsigned i = 0; i < table_length; i++)
		if (strncmp(table[i].path, folder, len) == 0 &&
			(table[i].path[len] == '\0' || table[i].path[len] == '/'))
			entry_apply(owners, &table[i]);
}
