#include "bounce/original.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lib/durable.h"
#include "wire/seal.h"

/* Reads len bytes from offset into *sa. Returns 0, or -1. */
static int
part_read(stralloc *sa, int fd, uint64_t offset, uint64_t len)
{
	ssize_t n;

	sa->len = 0;
	if (!stralloc_ready(sa, len + 1))
		return -1;
	n = durable_read_at(fd, sa->s, len, offset);
	if (n == -1 || (uint64_t)n != len)
		return -1;
	sa->len = len;
	return 0;
}

static char const *
entry_read(struct original *o)
{
	char line[SEAL_SIZE];
	struct seal seal;
	struct stat st;
	uint64_t size;

	if (fstat(o->fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size < SEAL_SIZE)
		return "the entry is not a sealed file";
	size = (uint64_t)st.st_size;
	if (durable_read_at(o->fd, line, SEAL_SIZE, size - SEAL_SIZE) != SEAL_SIZE ||
		seal_parse(&seal, line) == -1 || seal.message > size || seal.envelope > size ||
		seal.message + seal.envelope + SEAL_SIZE != size)
		return "the entry has no seal that fits it";
	o->length = seal.message;
	if (seal.envelope > ORIGINAL_RECORDS_MAX)
		return "the envelope is too large";
	if (part_read(&o->records, o->fd, seal.message, seal.envelope) == -1)
		return "the entry can not be read";
	if (envelope_parse(&o->envelope, o->records.s, o->records.len) == -1)
		return "the entry has a broken envelope";
	return NULL;
}

static char const *
history_read(struct original *o, int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size > ORIGINAL_HISTORY_MAX)
		return "the history is not a plain file, or too large";
	if (part_read(&o->history, fd, 0, (uint64_t)st.st_size) == -1)
		return "the history can not be read";
	return NULL;
}

char const *
original_read(struct original *o, int entry, int history)
{
	char const *why;

	o->fd = entry;
	why = entry_read(o);
	if (!why)
		why = history_read(o, history);
	if (why)
		return why;
	if (delivery_replay(
		    &o->deliveries, &o->envelope, span(o->history.s, o->history.len), NULL) == -1)
		return "out of memory";
	return NULL;
}

void
original_free(struct original *o)
{
	stralloc_free(&o->records);
	stralloc_free(&o->history);
	if (o->deliveries.recipient)
		delivery_list_free(&o->deliveries);
}

struct concerned
concerned_of(struct original const *original, enum notice_kind kind)
{
	return (struct concerned){original, kind, 0};
}

struct delivery const *
concerned_next(struct concerned *c)
{
	struct original const *o = c->original;

	while (c->next < o->deliveries.length) {
		struct delivery const *d = &o->deliveries.recipient[c->next++];

		if (notice_concerns(c->kind, d, o->envelope.sender))
			return d;
	}
	return NULL;
}
