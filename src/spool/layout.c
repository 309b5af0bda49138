#include "spool/layout.h"

#include <stdio.h>
#include <string.h>

#include "lib/number.h"

static void
path_make(char path[SPOOL_PATH_MAX], char const *kind, uint64_t id)
{
	snprintf(path, SPOOL_PATH_MAX, "queue/%s/%u/%llu", kind, (unsigned)(id % SPOOL_SHARDS),
		(unsigned long long)id);
}

void
spool_mess_path(char path[SPOOL_PATH_MAX], uint64_t id)
{
	path_make(path, "mess", id);
}

void
spool_hist_path(char path[SPOOL_PATH_MAX], uint64_t id)
{
	path_make(path, "hist", id);
}

void
spool_bad_path(char path[SPOOL_PATH_MAX], uint64_t id)
{
	snprintf(path, SPOOL_PATH_MAX, "queue/bad/%llu", (unsigned long long)id);
}

void
spool_mess_directory(char path[SPOOL_PATH_MAX], uint64_t id)
{
	snprintf(path, SPOOL_PATH_MAX, "queue/mess/%u", (unsigned)(id % SPOOL_SHARDS));
}

void
spool_hist_directory(char path[SPOOL_PATH_MAX], uint64_t id)
{
	snprintf(path, SPOOL_PATH_MAX, "queue/hist/%u", (unsigned)(id % SPOOL_SHARDS));
}

int
spool_id_parse(char const *name, uint64_t *id)
{
	if (name[0] == '0' || number_parse(span_string(name), UINT64_MAX, id) == -1)
		return -1;
	return 0;
}
