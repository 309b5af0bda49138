/*
 * queuestate: not a test but a tool for tests. Says what tern-send would make
 * of the queue below the working directory, without changing anything:
 *
 *   entry ID RESULT MESSAGE-BYTES SENDER   RESULT: good unsealed broken trouble
 *   recipient STATUS ATTEMPTS ADDRESS      of the entry before; pending failed done
 *   history ID                             a file of queue/hist
 *   other PATH                             a name that is no id
 *
 * Addresses must hold no newline.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/durable.h"
#include "spool/entry.h"
#include "spool/layout.h"
#include "wire/delivery.h"

static char const *const results[] = {[ENTRY_GOOD] = "good",
	[ENTRY_ABSENT] = "absent",
	[ENTRY_UNSEALED] = "unsealed",
	[ENTRY_BROKEN] = "broken",
	[ENTRY_TROUBLE] = "trouble"};

static char const *const statuses[] = {
	[DELIVERY_PENDING] = "pending", [DELIVERY_FAILED] = "failed", [DELIVERY_DONE] = "done"};

static void
history_load(stralloc *text, uint64_t id)
{
	char path[SPOOL_PATH_MAX];
	struct stat st;
	ssize_t n = -1;
	int fd;

	text->len = 0;
	spool_hist_path(path, id);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && stralloc_ready(text, (size_t)st.st_size + 1))
		n = durable_read_at(fd, text->s, (size_t)st.st_size, 0);
	close(fd);
	if (n > 0)
		text->len = (size_t)n;
}

static void
recipients_show(struct entry const *entry, stralloc const *history)
{
	struct delivery_list list;
	unsigned damaged = 0;

	if (delivery_replay(&list, &entry->envelope, span(history->s, history->len), &damaged) ==
		-1)
		exit(111);
	for (uint64_t i = 0; i < list.length; i++) {
		struct delivery const *d = &list.recipient[i];

		printf("recipient %s %u %.*s\n", statuses[d->status], d->attempts,
			(int)d->recipient.len, d->recipient.s);
	}
	delivery_list_free(&list);
}

static void
entry_show(uint64_t id)
{
	static stralloc history = STRALLOC_ZERO;
	struct entry entry;
	enum entry_result result = entry_open(&entry, id);

	printf("entry %llu %s", (unsigned long long)id, results[result]);
	if (result != ENTRY_GOOD) {
		printf(" 0 \n");
		return;
	}
	printf(" %llu %.*s\n", (unsigned long long)entry.message, (int)entry.envelope.sender.len,
		entry.envelope.sender.s);
	history_load(&history, id);
	recipients_show(&entry, &history);
	entry_close(&entry);
}

static void
history_show(uint64_t id)
{
	printf("history %llu\n", (unsigned long long)id);
}

static void
directory_show(char const *path, void (*show)(uint64_t))
{
	DIR *dir = opendir(path);
	struct dirent const *d;
	uint64_t id;

	if (!dir) {
		printf("other %s\n", path);
		return;
	}
	while ((d = readdir(dir)))
		if (spool_id_parse(d->d_name, &id) == 0)
			show(id);
		else if (d->d_name[0] != '.')
			printf("other %s/%s\n", path, d->d_name);
	closedir(dir);
}

int
main(void)
{
	char path[SPOOL_PATH_MAX];

	for (uint64_t shard = 0; shard < SPOOL_SHARDS; shard++) {
		spool_mess_directory(path, shard);
		directory_show(path, entry_show);
		spool_hist_directory(path, shard);
		directory_show(path, history_show);
	}
	return 0;
}
