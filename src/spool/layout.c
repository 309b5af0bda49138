#include "spool/layout.h"

#include <stdio.h>
#include <string.h>

#include "lib/number.h"

static char const mess[] = "queue/mess/", hist[] = "queue/hist/";

/* For each message several times: printf would take ten times as long. */
static size_t
directory_make(char path[SPOOL_PATH_MAX], char const *kind, uint64_t id)
{
	size_t len = strlen(kind);

	memcpy(path, kind, len);
	len += number_format(path + len, id % SPOOL_SHARDS);
	path[len] = '\0';
	return len;
}

static void
path_make(char path[SPOOL_PATH_MAX], char const *kind, uint64_t id)
{
	size_t len = directory_make(path, kind, id);

	path[len++] = '/';
	len += number_format(path + len, id);
	path[len] = '\0';
}

void
spool_mess_path(char path[SPOOL_PATH_MAX], uint64_t id)
{
	path_make(path, mess, id);
}

void
spool_hist_path(char path[SPOOL_PATH_MAX], uint64_t id)
{
	path_make(path, hist, id);
}

void
spool_bad_path(char path[SPOOL_PATH_MAX], uint64_t id)
{
	snprintf(path, SPOOL_PATH_MAX, "queue/bad/%llu", (unsigned long long)id);
}

void
spool_mess_directory(char path[SPOOL_PATH_MAX], uint64_t id)
{
	directory_make(path, mess, id);
}

void
spool_hist_directory(char path[SPOOL_PATH_MAX], uint64_t id)
{
	directory_make(path, hist, id);
}

int
spool_id_parse(char const *name, uint64_t *id)
{
	if (name[0] == '0' || number_parse(span_string(name), UINT64_MAX, id) == -1)
		return -1;
	return 0;
}
