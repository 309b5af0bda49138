#include "tern/queuefiles.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "lib/span.h"
#include "spool/layout.h"
#include "tern/instance.h"
#include "tern/queueaccess.h"

static char const *const folders[] = {[FILES_MESS] = "queue/mess", [FILES_HIST] = "queue/hist"};

/* All names first: f may move files while we go on. */
static int
names_read(stralloc *names, char const *path)
{
	DIR *dir = opendir(path);
	struct dirent const *d;

	names->len = 0;
	if (!dir)
		return -1;
	while ((d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			memory_or_die(stralloc_catb(names, d->d_name, strlen(d->d_name) + 1));
	closedir(dir);
	return 0;
}

static void
file_visit(enum files_kind kind, unsigned shard, char const *name, queue_file_function *f,
	void *context)
{
	struct queue_file file = {.kind = kind, .shard = shard, .name = name};

	snprintf(file.path, sizeof file.path, "%s/%u/%s", folders[kind], shard, name);
	file.is_id = spool_id_parse(name, &file.id) == 0;
	f(context, &file);
}

int
queue_files_each(enum files_kind kind, queue_file_function *f, void *context)
{
	stralloc names = STRALLOC_ZERO;
	int result = 0;

	for (unsigned shard = 0; shard < SPOOL_SHARDS; shard++) {
		char path[FILES_PATH_MAX];

		snprintf(path, sizeof path, "%s/%u", folders[kind], shard);
		if (names_read(&names, path) == -1) {
			strerr_warnwusys("read ", path);
			result = -1;
		}
		for (size_t i = 0; i < names.len; i += strlen(names.s + i) + 1)
			file_visit(kind, shard, names.s + i, f, context);
	}
	stralloc_free(&names);
	return result;
}

static void
file_count(void *context, struct queue_file const *file)
{
	(void)file;
	++*(uint64_t *)context;
}

uint64_t
queue_files_count(enum files_kind kind)
{
	uint64_t count = 0;

	queue_files_each(kind, file_count, &count);
	return count;
}

void
queue_owners(struct owners *owners)
{
	struct stat home;

	if (instance_is_built_in(".") && owners_find(owners) == 0)
		return;
	if (stat(".", &home) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "look at the home");
	for (size_t i = 0; i < ACCOUNTS; i++) {
		owners->uid[i] = home.st_uid;
		owners->gid[i] = home.st_gid;
	}
	owners->tern = home.st_gid;
}

uid_t
queue_files_owner(struct owners const *owners, enum files_kind kind)
{
	return owners->uid[kind == FILES_MESS ? TERNQ : TERNS];
}
