#include "spool/entry.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/layout.h"
#include "tests/tap.h"
#include "wire/seal.h"

static char home[] = "/tmp/tern-test-XXXXXX";

static void
queue_make(void)
{
	char path[64];

	if (!mkdtemp(home) || chdir(home) == -1)
		exit(111);
	mkdir("queue", 0700);
	mkdir("queue/mess", 0700);
	for (int i = 0; i < SPOOL_SHARDS; i++) {
		snprintf(path, sizeof path, "queue/mess/%d", i);
		mkdir(path, 0700);
	}
}

static void
queue_remove(void)
{
	char path[64];

	for (int i = 0; i < SPOOL_SHARDS; i++) {
		snprintf(path, sizeof path, "queue/mess/%d", i);
		rmdir(path);
	}
	rmdir("queue/mess");
	rmdir("queue");
	ok(chdir("/") == 0 && rmdir(home) == 0, "nothing is left behind");
}

static uint64_t
entry_make(size_t bytes)
{
	struct entry_writer w;
	char *text = malloc(bytes + 1);

	memset(text, 'm', bytes);
	if (entry_create(&w) == -1 || entry_append_message(&w, span(text, bytes)) == -1 ||
		entry_append_envelope(&w, span("Fs@x\0Tr@x\0", 10)) == -1 || entry_commit(&w) == -1)
		exit(111);
	free(text);
	return w.id;
}

static void
sizes(void)
{
	static size_t const bytes[] = {0, 1, 65536 - 10 - SEAL_SIZE - 1, 65536 - 10 - SEAL_SIZE,
		65536 - 10 - SEAL_SIZE + 1, 65536, 1000000};

	for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
		uint64_t id = entry_make(bytes[i]);
		char path[SPOOL_PATH_MAX];
		struct entry e;

		ok(entry_open(&e, id) == ENTRY_GOOD && e.message == bytes[i] &&
				e.envelope.recipients == 1 &&
				span_equal(e.envelope.sender, SPAN_LITERAL("s@x")),
			"an entry of %zu bytes is written and read", bytes[i]);
		entry_close(&e);
		spool_mess_path(path, id);
		unlink(path);
	}
}

/* Each truncation and each damaged bit of a small entry. */
static void
damage(void)
{
	uint64_t id = entry_make(20);
	char path[SPOOL_PATH_MAX], file[256];
	size_t good = 0, flips = 0, broken = 0;
	struct entry e;
	ssize_t len;
	int fd;

	spool_mess_path(path, id);
	fd = open(path, O_RDWR);
	len = read(fd, file, sizeof file);
	for (ssize_t i = 0; i < len; i++)
		for (int bit = 0; bit < 8; bit++) {
			char c = (char)(file[i] ^ 1 << bit);
			enum entry_result r;

			if (pwrite(fd, &c, 1, i) != 1)
				exit(111);
			r = entry_open(&e, id);
			good += r == ENTRY_GOOD;
			broken += r == ENTRY_BROKEN;
			flips++;
			if (pwrite(fd, file + i, 1, i) != 1)
				exit(111);
		}
	ok(good == 0, "no entry with a damaged bit is good");
	ok(broken == flips, "and none of %zu is taken for an arrival", flips);
	for (ssize_t i = len - 1; i >= 0; i--) {
		if (ftruncate(fd, i) == -1)
			exit(111);
		good += entry_open(&e, id) != ENTRY_UNSEALED;
	}
	ok(good == 0, "a truncated entry is an arrival that broke off");
	close(fd);
	unlink(path);
}

static void
foreign_objects(void)
{
	char path[SPOOL_PATH_MAX];
	struct entry e;

	spool_mess_path(path, 64);
	ok(entry_open(&e, 64) == ENTRY_ABSENT, "no file");
	mkfifo(path, 0600);
	ok(entry_open(&e, 64) == ENTRY_BROKEN, "a fifo");
	unlink(path);
	mkdir(path, 0700);
	ok(entry_open(&e, 64) == ENTRY_BROKEN, "a directory");
	rmdir(path);
	ok(symlink("/etc/passwd", path) == 0 && entry_open(&e, 64) == ENTRY_BROKEN,
		"a symbolic link");
	unlink(path);
}

static void
giving_up(void)
{
	struct entry_writer w;
	char path[SPOOL_PATH_MAX];
	struct entry e;

	ok(entry_create(&w) == 0 && entry_append_message(&w, SPAN_LITERAL("text")) == 0,
		"an arrival");
	ok(entry_open(&e, w.id) == ENTRY_UNSEALED, "is not a message before it is sealed");
	spool_mess_path(path, w.id);
	entry_discard(&w);
	ok(access(path, F_OK) == -1, "and leaves nothing when it is given up");
}

static void
names(void)
{
	static char const *const wrong[] = {
		"", "0", "01", "12x", "-1", "18446744073709551616", "12.tmp"};
	uint64_t id;
	int accepted = 0;

	ok(spool_id_parse("1763753266123456", &id) == 0 && id == 1763753266123456, "an id");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		accepted += spool_id_parse(wrong[i], &id) == 0;
	ok(accepted == 0, "what is not an id in its one form is none");
}

int
main(void)
{
	queue_make();
	sizes();
	damage();
	foreign_objects();
	giving_up();
	names();
	queue_remove();
	return tap_end();
}
