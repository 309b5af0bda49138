#include "tern/census.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "spool/layout.h"

typedef void visit_function(struct census *census, uint64_t id);

static int
visit_directory(struct census *census, char const *path, visit_function *visit)
{
	DIR *dir = opendir(path);
	struct dirent const *entry;
	uint64_t id;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		if (spool_id_parse(entry->d_name, &id) == 0)
			visit(census, id);
	closedir(dir);
	return 0;
}

static void
visit_entry(struct census *census, uint64_t id)
{
	char path[SPOOL_PATH_MAX];

	spool_hist_path(path, id);
	census->deferred += access(path, F_OK) == 0;
	if (census->messages++ == 0 || id < census->oldest)
		census->oldest = id;
}

static void
visit_bad(struct census *census, uint64_t id)
{
	(void)id;
	census->bad++;
}

int
census_take(struct census *census)
{
	char path[SPOOL_PATH_MAX];

	memset(census, 0, sizeof *census);
	for (uint64_t shard = 0; shard < SPOOL_SHARDS; shard++) {
		spool_mess_directory(path, shard);
		if (visit_directory(census, path, visit_entry) == -1) {
			strerr_warnwusys("read ", path);
			memset(census, 0, sizeof *census);
			return -1;
		}
	}
	if (visit_directory(census, "queue/bad", visit_bad) == -1)
		strerr_warnwusys("read queue/bad");
	return 0;
}
