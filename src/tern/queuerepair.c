/*
 * Mends a queue that no tern-send works on: first, as whoever called, owners,
 * modes and places, without looking into any file; then, as the owner of
 * queue/mess, what is broken or left over.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "lib/json.h"
#include "lib/platform.h"
#include "lib/privilege.h"
#include "lib/text.h"
#include "spool/entry.h"
#include "spool/layout.h"
#include "tern/files.h"
#include "tern/instance.h"
#include "tern/progress.h"
#include "tern/queuecommands.h"
#include "tern/queueeach.h"
#include "tern/queuefiles.h"

#define USAGE "tern queue repair [--dry-run] [--json] [--dir DIR]"

struct repair {
	struct owners owners;
	struct progress progress;
	int json, dry_run;
	uint64_t mended, failed;
};

/* Says what is mended, or would be. */
static void
say(struct repair *r, char const *path, char const *what, int failed)
{
	stralloc out = STRALLOC_ZERO;
	char const *cause = failed ? strerror(errno) : "";
	int good;

	if (failed)
		r->failed++;
	else
		r->mended++;
	progress_end(&r->progress);
	if (r->json)
		good = stralloc_cats(&out, "{\"path\":") &&
		       json_append_string(&out, span_string(path)) &&
		       json_append_text_field(&out, "repair", span_string(what)) &&
		       json_append_text_field(&out, "error", span_string(cause)) &&
		       stralloc_cats(&out, "}\n");
	else
		good = text_append_clean(&out, span_string(path)) &&
		       text_append(&out, ": ", what, failed ? ": can not be done: " : "", cause,
			       "\n", (char *)NULL);
	memory_or_die(good);
	output_flush(&out);
	stralloc_free(&out);
}

static int
folder_open(enum files_kind kind, uint64_t shard)
{
	char path[SPOOL_PATH_MAX];

	if (kind == FILES_MESS)
		spool_mess_directory(path, shard);
	else
		spool_hist_directory(path, shard);
	return files_open_below(path, O_RDONLY | O_DIRECTORY);
}

/* Moves it to the directory `to`, which is closed. Returns 0, or -1 with errno. */
static int
move(struct queue_file const *file, int to, char const *name)
{
	int from = folder_open(file->kind, file->shard);
	int result = -1, e;

	if (from != -1 && to != -1)
		result = platform_rename_new(from, file->name, to, name);
	e = errno;
	if (from != -1)
		close(from);
	if (to != -1)
		close(to);
	errno = e;
	return result;
}

static int
move_home(struct queue_file const *file)
{
	return move(file, folder_open(file->kind, file->id % SPOOL_SHARDS), file->name);
}

static int
set_aside(struct queue_file const *file)
{
	char name[SPOOL_PATH_MAX];

	snprintf(name, sizeof name, "%llu%s", (unsigned long long)file->id,
		file->kind == FILES_HIST ? ".hist" : "");
	return move(file, files_open_below("queue/bad", O_RDONLY | O_DIRECTORY), name);
}

static void
place_mend(void *context, struct queue_file const *file)
{
	struct repair *r = context;

	if (!file->is_id) {
		errno = EINVAL;
		say(r, file->path, "is nothing of tern's, and is left alone", 1);
	} else if (file->id % SPOOL_SHARDS != file->shard) {
		say(r, file->path, "moved to the folder where it belongs",
			!r->dry_run && move_home(file) == -1);
	}
}

/*
 * By descriptor, and only a plain file with one name: whoever owns the folder
 * might have put something else in its place. What is no file is set aside later.
 */
static void
owner_mend(void *context, struct queue_file const *file)
{
	struct repair *r = context;
	uid_t uid = queue_files_owner(&r->owners, file->kind);
	int fd = file->is_id ? files_open_below(file->path, O_RDONLY | O_NONBLOCK) : -1;
	struct stat st;

	if (fd != -1 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink > 1) {
		errno = EMLINK;
		say(r, file->path, "has another name elsewhere: make a copy in its place", 1);
	} else if (fd != -1 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		   (st.st_uid != uid || st.st_gid != r->owners.tern ||
			   (st.st_mode & 07777) != FILES_MODE)) {
		say(r, file->path, "owner and mode set",
			!r->dry_run && (fchown(fd, uid, r->owners.tern) == -1 ||
					       fchmod(fd, FILES_MODE) == -1));
	} else if (file->is_id && fd == -1 && errno == EACCES) {
		say(r, file->path, "opened", 1);
	}
	if (fd != -1)
		close(fd);
}

static int
has_history(uint64_t id)
{
	char path[SPOOL_PATH_MAX];

	spool_hist_path(path, id);
	return access(path, F_OK) == 0;
}

static void
unsealed_mend(struct repair *r, struct queue_file const *file)
{
	struct stat st;

	if (has_history(file->id))
		say(r, file->path, "has lost its seal: set aside in queue/bad",
			!r->dry_run && set_aside(file) == -1);
	else if (lstat(file->path, &st) == 0 && st.st_mtime + SPOOL_ARRIVAL_MAX < time(NULL))
		say(r, file->path, "is left of an arrival that broke off: removed",
			!r->dry_run && unlink(file->path) == -1);
}

static void
mess_mend(void *context, struct queue_file const *file)
{
	struct repair *r = context;
	struct entry e;

	progress_step(&r->progress);
	if (!file->is_id || file->id % SPOOL_SHARDS != file->shard)
		return;
	switch (entry_open(&e, file->id)) {
	case ENTRY_GOOD: entry_close(&e); return;
	case ENTRY_ABSENT: return;
	case ENTRY_UNSEALED: unsealed_mend(r, file); return;
	case ENTRY_BROKEN:
		say(r, file->path, "is broken: set aside in queue/bad",
			!r->dry_run && set_aside(file) == -1);
		return;
	case ENTRY_TROUBLE:
		if (!r->dry_run || errno != EACCES) /* which will be mended before */
			say(r, file->path, "is looked at", 1);
		return;
	}
}

/* A history is only of use with its message, also one that was set aside. */
static void
hist_mend(void *context, struct queue_file const *file)
{
	struct repair *r = context;
	char path[SPOOL_PATH_MAX], bad[SPOOL_PATH_MAX];
	struct stat st;

	progress_step(&r->progress);
	if (!file->is_id || file->id % SPOOL_SHARDS != file->shard)
		return;
	if (lstat(file->path, &st) == 0 && !S_ISREG(st.st_mode)) {
		say(r, file->path, "is no file: set aside in queue/bad",
			!r->dry_run && set_aside(file) == -1);
		return;
	}
	spool_mess_path(path, file->id);
	spool_bad_path(bad, file->id);
	if (access(path, F_OK) == -1 && errno == ENOENT && access(bad, F_OK) == -1)
		say(r, file->path, "is left of a message that is gone: removed",
			!r->dry_run && unlink(file->path) == -1);
}

static void
place_say(void *context, char const *path, char const *problem)
{
	stralloc what = STRALLOC_ZERO;

	memory_or_die(text_append(&what, problem, ": mended", (char *)NULL) && stralloc_0(&what));
	say(context, path, what.s, 0);
	stralloc_free(&what);
}

/* What belongs to another's instance is made as that user, after its owners were set. */
static void
outside_mend(struct repair *r)
{
	struct stat home;

	queue_places_each(&r->owners, place_say, r);
	if (!r->dry_run) {
		owners_apply_below(&r->owners, "queue");
		owners_apply_below(&r->owners, "run/send");
	}
	for (int kind = FILES_MESS; kind <= FILES_HIST; kind++) {
		queue_files_each((enum files_kind)kind, place_mend, r);
		queue_files_each((enum files_kind)kind, owner_mend, r);
	}
	if (r->dry_run)
		return;
	if (stat(".", &home) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "look at the instance");
	instance_become(home.st_uid, home.st_gid);
	owners_make();
	owners_apply_below(&r->owners, "queue");
	owners_apply_below(&r->owners, "run/send");
}

static void
inside_mend(struct repair *r)
{
	int unread;

	if (geteuid() == 0 && privilege_drop(r->owners.uid[TERNQ], r->owners.tern) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "become the queue's user");
	progress_begin(&r->progress, "files looked at",
		queue_files_count(FILES_MESS) + queue_files_count(FILES_HIST));
	unread = queue_files_each(FILES_MESS, mess_mend, r) == -1;
	unread |= queue_files_each(FILES_HIST, hist_mend, r) == -1;
	progress_end(&r->progress);
	if (unread && !r->dry_run) /* a dry run did not mend its owner and mode, which may be why */
		r->failed++;
}

static void
summary_text(struct repair const *r)
{
	if (r->mended == 0)
		fputs("nothing to mend", stdout);
	else
		printf("%llu %s", (unsigned long long)r->mended,
			r->dry_run ? "to be mended; nothing is changed (--dry-run)" : "mended");
	if (r->failed)
		printf("; %llu left alone, see above", (unsigned long long)r->failed);
	putchar('\n');
}

int
queue_repair_main(int argc, char const *const *argv)
{
	static struct repair r;
	struct queue_options options;

	queue_options_read(&options, argc, argv, ACCEPT_ORDER, USAGE);
	instance_enter_as_caller(instance_directory(options.directory));
	r.json = options.json;
	r.dry_run = options.dry_run;
	queue_owners(&r.owners);
	if (!r.dry_run || access(SPOOL_LOCK, F_OK) == 0)
		queue_lock_take();
	outside_mend(&r);
	if (!r.dry_run)
		queue_lock_take(); /* it was lost when owners_apply_below closed the file (fcntl(2))
				    */
	inside_mend(&r);
	if (options.json)
		printf("{\"mended\":%llu,\"failed\":%llu,\"dry_run\":%s}\n",
			(unsigned long long)r.mended, (unsigned long long)r.failed,
			r.dry_run ? "true" : "false");
	else
		summary_text(&r);
	return r.failed ? EXIT_TEMPORARY : EXIT_OK;
}
