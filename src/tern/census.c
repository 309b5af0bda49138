#include "tern/census.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "spool/layout.h"
#include "spool/scan.h"

static int
visit_entry(void *context, uint64_t id)
{
	struct census *census = context;
	char path[SPOOL_PATH_MAX];

	spool_hist_path(path, id);
	census->deferred += access(path, F_OK) == 0;
	if (census->messages++ == 0 || id < census->oldest)
		census->oldest = id;
	return 0;
}

uint64_t
census_bad(void)
{
	DIR *dir = opendir("queue/bad");
	struct dirent const *entry;
	uint64_t id, count = 0;

	if (!dir) {
		if (errno != ENOENT)
			strerr_warnwusys("read queue/bad");
		return 0;
	}
	while ((errno = 0, (entry = readdir(dir)) != NULL))
		count += spool_id_parse(entry->d_name, &id) == 0;
	if (errno) {
		strerr_warnwusys("read queue/bad");
		count = 0;
	}
	closedir(dir);
	return count;
}

int
census_take(struct census *census)
{
	memset(census, 0, sizeof *census);
	if (scan_each(visit_entry, census) == -1) {
		strerr_warnwusys("read the queue");
		memset(census, 0, sizeof *census);
		return -1;
	}
	census->bad = census_bad();
	return 0;
}
