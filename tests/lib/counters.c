#include "lib/counters.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap.h"

enum { COUNT = 3, WORKERS = 4, EACH = 20000 };

static int
value_is(char const *path, size_t which, uint64_t want)
{
	uint64_t values[COUNT] = {0};
	int fd = open(path, O_RDONLY);
	int good = counters_read(fd, values, COUNT) == 0 && values[which] == want;

	close(fd);
	return good;
}

int
main(void)
{
	char folder[] = "/tmp/tern-counters.XXXXXX", path[64];
	uint64_t values[COUNT + 1];
	int fd;

	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof path, "%s/counters", folder);
	counters_add(0);
	ok(1, "without a file nothing is counted, and nothing breaks");
	ok(counters_open(path, COUNT) == 0 && value_is(path, 0, 0), "a new file counts from 0");
	for (int i = 0; i < WORKERS; i++)
		if (fork() == 0) {
			for (int n = 0; n < EACH; n++)
				counters_add(1);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	ok(value_is(path, 1, WORKERS * EACH), "no count of several processes is lost");
	counters_add(COUNT);
	ok(value_is(path, 2, 0), "what is beyond the end is not counted");
	ok(counters_open(path, COUNT) == 0 && value_is(path, 1, WORKERS * EACH),
		"opened again, it goes on");
	fd = open(path, O_RDONLY);
	ok(counters_read(fd, values, COUNT + 1) == -1, "a file of another size is not read");
	close(fd);
	fd = open(path, O_WRONLY | O_TRUNC);
	ok(write(fd, "something else entirely, of any length", 38) == 38, "another kind of file");
	close(fd);
	fd = open(path, O_RDONLY);
	ok(counters_read(fd, values, COUNT) == -1, "is not read");
	close(fd);
	ok(counters_open(path, COUNT) == 0 && value_is(path, 1, 0), "and begins anew");
	unlink(path);
	ok(symlink("/dev/null", path) == 0 && counters_open(path, COUNT) == 0 &&
			value_is(path, 0, 0),
		"a link is not followed but replaced");
	unlink(path);
	rmdir(folder);
	return tap_end();
}
