#include "spool/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/durable.h"
#include "spool/layout.h"
#include "wire/seal.h"

static int
directory_scan(char const *path, scan_function *f, void *context)
{
	DIR *dir = opendir(path);
	struct dirent *name;
	uint64_t id;
	int result = 0, e;

	if (!dir)
		return -1;
	while (result == 0 && (errno = 0, (name = readdir(dir)) != NULL))
		if (spool_id_parse(name->d_name, &id) == 0)
			result = f(context, id);
	e = errno;
	closedir(dir);
	errno = e;
	return result == 0 && e ? -1 : result;
}

int
scan_each(scan_function *f, void *context)
{
	char path[SPOOL_PATH_MAX];
	int result = 0;

	for (uint64_t shard = 0; result == 0 && shard < SPOOL_SHARDS; shard++) {
		spool_mess_directory(path, shard);
		result = directory_scan(path, f, context);
	}
	return result;
}

static int
compare(void const *a, void const *b)
{
	uint64_t x = *(uint64_t const *)a, y = *(uint64_t const *)b;

	return x < y ? -1 : x > y;
}

struct oldest {
	genalloc *ids;
	uint64_t after, until, found; /* those after `until` are not among the oldest */
	size_t max;
};

static void
oldest_keep(struct oldest *o)
{
	size_t count = genalloc_len(uint64_t, o->ids);

	if (count)
		qsort(genalloc_s(uint64_t, o->ids), count, sizeof(uint64_t), compare);
	if (count < o->max)
		return;
	genalloc_setlen(uint64_t, o->ids, o->max);
	o->until = genalloc_s(uint64_t, o->ids)[o->max - 1];
}

static int
oldest_take(void *context, uint64_t id)
{
	struct oldest *o = context;

	if (id <= o->after)
		return 0;
	o->found++;
	if (id > o->until)
		return 0;
	if (genalloc_len(uint64_t, o->ids) == 2 * o->max)
		oldest_keep(o);
	return genalloc_append(uint64_t, o->ids, &id) ? 0 : -1;
}

int
scan_oldest(genalloc *ids, uint64_t after, size_t max, uint64_t *found)
{
	struct oldest o = {ids, after, UINT64_MAX, 0, max};

	genalloc_setlen(uint64_t, ids, 0);
	if (scan_each(oldest_take, &o) == -1)
		return -1;
	oldest_keep(&o);
	*found = o.found;
	return 0;
}

int
scan_is_sealed(uint64_t id)
{
	char path[SPOOL_PATH_MAX], line[SEAL_SIZE];
	struct seal seal;
	struct stat st;
	int sealed = 0;
	int fd;

	spool_mess_path(path, id);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return 0;
	if (fstat(fd, &st) == 0 && st.st_size >= SEAL_SIZE &&
		durable_read_at(fd, line, SEAL_SIZE, (size_t)st.st_size - SEAL_SIZE) == SEAL_SIZE)
		sealed = seal_parse(&seal, line) == 0;
	close(fd);
	return sealed;
}
