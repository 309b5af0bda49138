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
directory_scan(genalloc *ids, char const *path)
{
	DIR *dir = opendir(path);
	struct dirent *name;
	uint64_t id;
	int e;

	if (!dir)
		return -1;
	while (errno = 0, (name = readdir(dir)) != NULL)
		if (spool_id_parse(name->d_name, &id) == 0 && !genalloc_append(uint64_t, ids, &id))
			break;
	e = errno;
	closedir(dir);
	errno = e;
	return e ? -1 : 0;
}

static int
compare(void const *a, void const *b)
{
	uint64_t x = *(uint64_t const *)a, y = *(uint64_t const *)b;

	return x < y ? -1 : x > y;
}

int
scan_ids(genalloc *ids)
{
	char path[SPOOL_PATH_MAX];

	for (uint64_t shard = 0; shard < SPOOL_SHARDS; shard++) {
		spool_mess_directory(path, shard);
		if (directory_scan(ids, path) == -1)
			return -1;
	}
	if (genalloc_len(uint64_t, ids))
		qsort(genalloc_s(uint64_t, ids), genalloc_len(uint64_t, ids), sizeof(uint64_t),
			compare);
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
