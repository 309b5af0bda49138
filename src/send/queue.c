#include "send/queue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/number.h"
#include "lib/platform.h"
#include "send/helpers.h"
#include "send/log.h"
#include "spool/layout.h"

struct agenda queue_agenda = AGENDA_ZERO;
struct idset queue_known = IDSET_ZERO;
struct idset queue_held = IDSET_ZERO;
int queue_trigger = -1;

enum {
	SCAN_IDLE = -1,
	SCAN_AT_ONCE = 1000, /* names, before looking at the world again */
	ID_LINE_MAX = 21,
	SCAN_WAIT_MAX = 4 * 3600
};

static int scan_shard = SCAN_IDLE;
static int scan_histories; /* of the shard, after its messages */
static DIR *scan_directory;
static int scan_again;
static int scan_forced;
static int scan_incomplete; /* a directory could not be read */

/* Without memory a message is forgotten until the next scan finds it. */
static void
no_memory(uint64_t id)
{
	log_alert("out of memory; some messages will be found again later", span("", 0));
	idset_remove(&queue_known, id);
}

void
queue_wait(uint64_t id, uint64_t due)
{
	if (agenda_add(&queue_agenda, id, due) == -1)
		no_memory(id);
}

void
queue_hold(uint64_t id)
{
	if (idset_add(&queue_held, id) == -1)
		no_memory(id);
}

void
queue_forget(uint64_t id)
{
	idset_remove(&queue_known, id);
}

static void
found_new(uint64_t id)
{
	if (idset_add(&queue_known, id) == 1 && agenda_add_fresh(&queue_agenda, id) == -1)
		no_memory(id);
}

static void
lock_complain(int fd)
{
	struct flock holder = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char pid[24] = "unknown";

	if (fcntl(fd, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK)
		snprintf(pid, sizeof pid, "%ld", (long)holder.l_pid);
	strerr_warnw(SPOOL_LOCK " is locked: another tern-send works on this queue: process ", pid);
}

/* The second descriptor keeps the fifo from ever being at its end. */
int
queue_open(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(SPOOL_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd == -1) {
		strerr_warnwusys("open ", SPOOL_LOCK);
		return -1;
	}
	if (fcntl(fd, F_SETLK, &lock) == -1) {
		lock_complain(fd);
		return -1;
	}
	queue_trigger = open(SPOOL_TRIGGER, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (queue_trigger == -1 || open(SPOOL_TRIGGER, O_WRONLY | O_NONBLOCK | O_CLOEXEC) == -1) {
		strerr_warnwusys("open ", SPOOL_TRIGGER);
		return -1;
	}
	return 0;
}

static void
line_take(struct span line)
{
	uint64_t id;

	if (number_parse(line, UINT64_MAX, &id) == 0 && id)
		found_new(id);
}

/* A fifo that was nearly full may have refused ids: then the queue itself is asked. */
void
queue_trigger_read(void)
{
	static char buffer[16 * 1024];
	static size_t length;
	ssize_t n;

	if (platform_bytes_waiting(queue_trigger) > platform_pipe_capacity(queue_trigger) / 4 * 3)
		queue_scan_start();
	n = read(queue_trigger, buffer + length, sizeof buffer - length);
	if (n <= 0)
		return;
	struct span rest = span(buffer, length + (size_t)n);
	while (span_find(rest, '\n') < rest.len)
		line_take(span_cut(&rest, '\n'));
	length = rest.len < ID_LINE_MAX ? rest.len : 0;
	memmove(buffer, rest.s, length);
}

void
queue_scan_start(void)
{
	if (scan_shard == SCAN_IDLE)
		scan_shard = 0;
	else
		scan_again = 1;
}

int
queue_scan_is_running(void)
{
	return scan_shard != SCAN_IDLE;
}

static uint64_t
time_bounded(time_t due)
{
	time_t latest = time(NULL) + SCAN_WAIT_MAX;

	return due < 1 ? 1 : (uint64_t)(due < latest ? due : latest);
}

/*
 * A message that was tried before waits until its history's mtime; but not
 * longer than a while, since the clock may have been wrong then.
 */
static void
found_in_scan(uint64_t id)
{
	char path[SPOOL_PATH_MAX];
	struct stat st;

	if (idset_has(&queue_known, id))
		return;
	spool_hist_path(path, id);
	if (lstat(path, &st) == -1) {
		found_new(id);
	} else if (idset_add(&queue_known, id) == 1) {
		queue_wait(id, scan_forced ? 0 : time_bounded(st.st_mtime));
	}
}

/* A history without its message is what is left of one that is done. */
static void
found_history(uint64_t id)
{
	char path[SPOOL_PATH_MAX];
	struct stat st;

	spool_mess_path(path, id);
	if (idset_has(&queue_known, id) || lstat(path, &st) == 0 || errno != ENOENT)
		return;
	if (idset_add(&queue_known, id) == 1)
		clean_remove(id, 0);
}

static void
scan_trouble(char const *path)
{
	log_alert("can not be read, will try again: ", span_string(path));
	scan_incomplete = 1;
}

/* Returns whether there may be more in the directory. */
static int
names_take(char const *path)
{
	struct dirent const *d;
	uint64_t id;

	for (int i = 0; i < SCAN_AT_ONCE; i++) {
		errno = 0;
		d = readdir(scan_directory);
		if (!d) {
			if (errno)
				scan_trouble(path);
			return 0;
		}
		if (spool_id_parse(d->d_name, &id) == 0) {
			if (scan_histories)
				found_history(id);
			else
				found_in_scan(id);
		}
	}
	return 1;
}

int
queue_scan_take_incomplete(void)
{
	int incomplete = scan_incomplete;

	scan_incomplete = 0;
	return incomplete;
}

static void
shard_next(void)
{
	if (++scan_shard < SPOOL_SHARDS)
		return;
	scan_shard = scan_again ? 0 : SCAN_IDLE;
	scan_again = scan_forced = 0;
}

void
queue_scan_step(void)
{
	char path[SPOOL_PATH_MAX];

	if (scan_shard == SCAN_IDLE)
		return;
	(scan_histories ? spool_hist_directory : spool_mess_directory)(path, (uint64_t)scan_shard);
	if (!scan_directory && !(scan_directory = opendir(path)))
		scan_trouble(path);
	if (scan_directory && names_take(path))
		return;
	if (scan_directory)
		closedir(scan_directory);
	scan_directory = NULL;
	scan_histories = !scan_histories;
	if (!scan_histories)
		shard_next();
}

void
queue_scan_force(void)
{
	scan_forced = queue_scan_is_running();
}
