#include "tern/queuefiles.h"

#include <dirent.h>
#include <errno.h>
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
#include "tern/table.h"

static char const *const folders[] = {[FILES_MESS] = "queue/mess", [FILES_HIST] = "queue/hist"};

/* All names first: f may move files while we go on. */
static int
names_read(stralloc *names, char const *path)
{
	DIR *dir = opendir(path);
	struct dirent const *d;
	int e;

	names->len = 0;
	if (!dir)
		return -1;
	while ((errno = 0, (d = readdir(dir)) != NULL))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			memory_or_die(stralloc_catb(names, d->d_name, strlen(d->d_name) + 1));
	e = errno;
	closedir(dir);
	errno = e;
	return e ? -1 : 0;
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
		if (names_read(&names, path) == -1 && errno != ENOENT) {
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

static mode_t
type_of(enum table_kind kind)
{
	switch (kind) {
	case TABLE_FIFO: return S_IFIFO;
	case TABLE_FILE:
	case TABLE_PROGRAM: return S_IFREG;
	case TABLE_DIRECTORY:
	case TABLE_SHARDS: break;
	}
	return S_IFDIR;
}

static void
place_look(struct owners const *owners, char const *path, struct table_entry const *entry,
	queue_place_function *f, void *context)
{
	gid_t group = entry->group == GROUP_TERN ? owners->tern : owners->gid[entry->owner];
	struct stat st;
	char text[64];

	if (lstat(path, &st) == -1) {
		f(context, path, errno == ENOENT ? "is missing" : strerror(errno));
		return;
	}
	if ((st.st_mode & S_IFMT) != type_of(entry->kind)) {
		f(context, path, "is another kind of file than it should be");
		return;
	}
	if ((st.st_mode & 07777) != entry->mode) {
		snprintf(text, sizeof text, "has the mode %04o, not %04o",
			(unsigned)(st.st_mode & 07777), (unsigned)entry->mode);
		f(context, path, text);
	}
	if (st.st_uid != owners->uid[entry->owner])
		f(context, path, "belongs to the wrong user");
	else if (st.st_gid != group)
		f(context, path, "belongs to the wrong group");
}

void
queue_places_each(struct owners const *owners, queue_place_function *f, void *context)
{
	char path[FILES_PATH_MAX];

	for (unsigned i = 0; i < table_length; i++) {
		struct table_entry const *entry = &table[i];

		if (strncmp(entry->path, "queue", 5) != 0 && strcmp(entry->path, "run/send") != 0)
			continue;
		place_look(owners, entry->path, entry, f, context);
		for (unsigned s = 0; entry->kind == TABLE_SHARDS && s < SPOOL_SHARDS; s++) {
			snprintf(path, sizeof path, "%s/%u", entry->path, s);
			place_look(owners, path, entry, f, context);
		}
	}
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
