/*
 * Is every file of the queue what it should be? Changes nothing, and may look
 * at a queue that is being worked on: what comes and goes meanwhile is no
 * problem.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/exits.h"
#include "lib/json.h"
#include "lib/text.h"
#include "spool/layout.h"
#include "spool/queued.h"
#include "tern/census.h"
#include "tern/progress.h"
#include "tern/queuecommands.h"
#include "tern/queueeach.h"
#include "tern/queuefiles.h"
#include "tern/words.h"
#include "wire/history.h"

#define USAGE "tern queue check [--json] [--dir DIR]"

enum { EXIT_PROBLEMS = 1, GARBAGE_SECONDS = 60 };

struct check {
	struct owners owners;
	struct progress progress;
	int json;
	uint64_t messages, bytes, arriving, histories, problems, bad;
};

static void
problem(struct check *c, char const *path, char const *what)
{
	stralloc out = STRALLOC_ZERO;
	struct span name = span_string(path);
	int good;

	c->problems++;
	progress_end(&c->progress);
	if (c->json)
		good = stralloc_cats(&out, "{\"path\":") && json_append_string(&out, name) &&
		       json_append_text_field(&out, "problem", span_string(what)) &&
		       stralloc_cats(&out, "}\n");
	else
		good = text_append_clean(&out, name) &&
		       text_append(&out, ": ", what, "\n", (char *)NULL);
	memory_or_die(good);
	output_flush(&out);
	stralloc_free(&out);
}

static void
place_problem(void *context, char const *path, char const *what)
{
	problem(context, path, what);
}

/* What a name in a shard and its file look like from outside. Returns whether to look inside. */
static int
outside_check(struct check *c, struct queue_file const *file, struct stat *st)
{
	char text[64];

	if (!file->is_id) {
		problem(c, file->path, "is not the id of a message: nothing of tern's");
		return 0;
	}
	if (file->id % SPOOL_SHARDS != file->shard) {
		problem(c, file->path, "is in the wrong folder, where it is not found");
		return 0;
	}
	if (lstat(file->path, st) == -1)
		return 0; /* gone meanwhile */
	if (!S_ISREG(st->st_mode) || st->st_nlink != 1) {
		problem(c, file->path, "is not a plain file with one name");
		return 0;
	}
	if ((st->st_mode & 07777) != FILES_MODE) {
		snprintf(text, sizeof text, "has the mode %04o, not %04o",
			(unsigned)(st->st_mode & 07777), (unsigned)FILES_MODE);
		problem(c, file->path, text);
	}
	if (st->st_uid != queue_files_owner(&c->owners, file->kind))
		problem(c, file->path, "belongs to the wrong user");
	return 1;
}

static int
is_unsealed(uint64_t id)
{
	struct entry e;
	enum entry_result result = entry_open(&e, id);

	if (result == ENTRY_GOOD)
		entry_close(&e);
	return result == ENTRY_UNSEALED;
}

/* With a history it had a seal; looked at once more, as both may have come meanwhile. */
static void
unsealed_check(struct check *c, struct queue_file const *file, struct stat const *st)
{
	char path[SPOOL_PATH_MAX];

	spool_hist_path(path, file->id);
	if (access(path, F_OK) == 0 && is_unsealed(file->id))
		problem(c, file->path, "has lost its seal; tern-send will set it aside");
	else if (st->st_mtime + SPOOL_ARRIVAL_MAX < time(NULL))
		problem(c, file->path, "is what is left of an arrival that broke off");
	else
		c->arriving++;
}

static void
mess_check(void *context, struct queue_file const *file)
{
	struct check *c = context;
	struct entry e;
	struct stat st;

	progress_step(&c->progress);
	if (!outside_check(c, file, &st))
		return;
	switch (entry_open(&e, file->id)) {
	case ENTRY_GOOD:
		c->messages++;
		c->bytes += e.message;
		entry_close(&e);
		return;
	case ENTRY_ABSENT: return;
	case ENTRY_UNSEALED: unsealed_check(c, file, &st); return;
	case ENTRY_BROKEN:
		problem(c, file->path,
			"is broken: its content is not what was sealed; tern-send will set it "
			"aside");
		return;
	case ENTRY_TROUBLE:
		if (errno != EACCES || st.st_uid == queue_files_owner(&c->owners, file->kind))
			problem(c, file->path, strerror(errno));
		return;
	}
}

/* Lines that do not verify. */
static void
lines_check(struct check *c, struct queue_file const *file)
{
	struct queued q;
	struct history_line line;
	struct span rest;
	unsigned damaged = 0;
	char const *why;
	char text[64];

	if (queued_read(&q, file->id, &why) != 1)
		return; /* said when the message was looked at */
	rest = span(q.history.s, q.history.len);
	while (history_next(&line, &rest, &damaged))
		;
	if (damaged) {
		snprintf(text, sizeof text, "%u damaged line%s, which %s passed over", damaged,
			damaged == 1 ? "" : "s", damaged == 1 ? "is" : "are");
		problem(c, file->path, text);
	}
	queued_free(&q);
}

static void
hist_check(void *context, struct queue_file const *file)
{
	struct check *c = context;
	char path[SPOOL_PATH_MAX];
	struct stat st;

	progress_step(&c->progress);
	if (!outside_check(c, file, &st))
		return;
	c->histories++;
	spool_mess_path(path, file->id);
	if (access(path, F_OK) == 0)
		lines_check(c, file);
	else if (lstat(file->path, &st) == 0 && st.st_ctime + GARBAGE_SECONDS < time(NULL))
		problem(c, file->path, "is left of a message that is gone");
}

/* Whether a tern-send has the lock: fcntl answers only who may open it. */
static pid_t
lock_holder(void)
{
	struct flock holder = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(SPOOL_LOCK, O_RDWR | O_CLOEXEC);
	pid_t pid = 0;

	if (fd == -1)
		return 0;
	if (fcntl(fd, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK)
		pid = holder.l_pid;
	close(fd);
	return pid;
}

static void
summary_text(struct check const *c)
{
	char size[WORDS_MAX];
	long pid = (long)lock_holder();

	words_size(size, c->bytes);
	printf("%llu %s (%s) and %llu histor%s checked: ", (unsigned long long)c->messages,
		words_messages(c->messages), size, (unsigned long long)c->histories,
		c->histories == 1 ? "y" : "ies");
	if (c->problems)
		printf("%llu problem%s; to mend what can be: %stern queue repair",
			(unsigned long long)c->problems, c->problems == 1 ? "" : "s",
			pid ? "tern down, then " : "");
	else
		fputs("no problems", stdout);
	if (c->arriving)
		printf("; %llu arriving", (unsigned long long)c->arriving);
	if (c->bad)
		printf("; %llu set aside in queue/bad", (unsigned long long)c->bad);
	if (pid)
		printf("; tern-send runs, process %ld\n", pid);
	else
		puts("; tern-send does not run");
}

static void
summary_json(struct check const *c)
{
	printf("{\"messages\":%llu,\"bytes\":%llu,\"histories\":%llu,\"arriving\":%llu,\"bad\":%"
	       "llu,\"problems\":%llu,\"send_pid\":%ld}\n",
		(unsigned long long)c->messages, (unsigned long long)c->bytes,
		(unsigned long long)c->histories, (unsigned long long)c->arriving,
		(unsigned long long)c->bad, (unsigned long long)c->problems, (long)lock_holder());
}

int
queue_check_main(int argc, char const *const *argv)
{
	static struct check c;
	struct queue_options options;
	struct queue_access access;
	int unread;

	queue_options_read(&options, argc, argv, 0, USAGE);
	queue_access_open(&access, options.directory, INTENT_READ);
	c.json = options.json;
	queue_owners(&c.owners);
	progress_begin(&c.progress, "files checked",
		queue_files_count(FILES_MESS) + queue_files_count(FILES_HIST));
	queue_places_each(&c.owners, place_problem, &c);
	unread = queue_files_each(FILES_MESS, mess_check, &c) == -1;
	unread |= queue_files_each(FILES_HIST, hist_check, &c) == -1;
	progress_end(&c.progress);
	c.bad = census_bad();
	if (options.json)
		summary_json(&c);
	else
		summary_text(&c);
	return unread ? EXIT_TEMPORARY : c.problems ? EXIT_PROBLEMS : EXIT_OK;
}
