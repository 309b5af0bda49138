#include "spool/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/crc32c.h"
#include "lib/durable.h"
#include "lib/number.h"
#include "spool/layout.h"
#include "wire/seal.h"

enum { WRITE_SIZE = 64 * 1024, READ_SIZE = 64 * 1024, CREATE_TRIES = 1000, ENTRY_MODE = 0640 };

/* Two messages of the same microsecond: the later one takes the next free id. */
int
entry_create(struct entry_writer *w)
{
	char path[SPOOL_PATH_MAX];
	stralloc empty = STRALLOC_ZERO;

	w->message = w->envelope = 0;
	w->crc = 0;
	w->buffer = empty;
	w->id = clock_wall();
	for (int i = 0; i < CREATE_TRIES; i++, w->id++) {
		spool_mess_path(path, w->id);
		w->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, ENTRY_MODE);
		if (w->fd != -1)
			return 0;
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

static int
buffer_write(struct entry_writer *w)
{
	if (durable_write(w->fd, w->buffer.s, w->buffer.len) == -1)
		return -1;
	w->buffer.len = 0;
	return 0;
}

static int
append(struct entry_writer *w, struct span bytes)
{
	w->crc = crc32c(w->crc, bytes.s, bytes.len);
	while (bytes.len) {
		size_t room = WRITE_SIZE - w->buffer.len;
		size_t n = bytes.len < room ? bytes.len : room;

		if (!stralloc_catb(&w->buffer, bytes.s, n))
			return -1;
		if (w->buffer.len == WRITE_SIZE && buffer_write(w) == -1)
			return -1;
		bytes = span(bytes.s + n, bytes.len - n);
	}
	return 0;
}

int
entry_append_message(struct entry_writer *w, struct span bytes)
{
	w->message += bytes.len;
	return append(w, bytes);
}

int
entry_append_envelope(struct entry_writer *w, struct span bytes)
{
	w->envelope += bytes.len;
	return append(w, bytes);
}

static int
seal_write(struct entry_writer *w)
{
	struct seal seal = {w->message, w->envelope, w->crc};
	char line[SEAL_SIZE];

	seal_format(line, &seal);
	if (!stralloc_catb(&w->buffer, line, sizeof line))
		return -1;
	return buffer_write(w);
}

int
entry_commit(struct entry_writer *w)
{
	char directory[SPOOL_PATH_MAX];

	spool_mess_directory(directory, w->id);
	if (seal_write(w) == 0 && fdatasync(w->fd) == 0 && close(w->fd) == 0) {
		w->fd = -1;
		if (durable_directory(directory) == 0) {
			stralloc_free(&w->buffer);
			return 0;
		}
	}
	int e = errno;
	entry_discard(w);
	errno = e;
	return -1;
}

/*
 * The name goes last: a sealed file whose directory could not be made durable
 * is cut first, so that nobody takes it for a message that was accepted.
 */
void
entry_discard(struct entry_writer *w)
{
	char path[SPOOL_PATH_MAX];

	spool_mess_path(path, w->id);
	if (w->fd == -1)
		(void)!truncate(path, 0);
	else
		close(w->fd);
	unlink(path);
	stralloc_free(&w->buffer);
	w->fd = -1;
}

void
entry_announce(uint64_t id)
{
	static int trigger = -1;
	char line[NUMBER_TEXT_MAX + 1];
	size_t len = number_format(line, id);

	line[len++] = '\n';
	for (int i = 0; i < 2; i++) {
		if (trigger == -1)
			trigger = open(SPOOL_TRIGGER, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (trigger == -1 || write(trigger, line, len) == (ssize_t)len || errno == EAGAIN)
			return;
		close(trigger); /* nobody reads: perhaps another send, with another fifo, does */
		trigger = -1;
	}
}

/* Reads the file once, in pieces, for its checksum. Returns 1 when it agrees, 0, or -1 with errno.
 */
static int
checksum_agrees(int fd, struct seal const *seal)
{
	char buffer[READ_SIZE];
	uint64_t left = seal->message + seal->envelope;
	uint64_t offset = 0;
	uint32_t crc = 0;

	while (left) {
		size_t want = left < sizeof buffer ? (size_t)left : sizeof buffer;
		ssize_t n = durable_read_at(fd, buffer, want, offset);

		if (n == -1)
			return -1;
		if ((size_t)n != want)
			return 0;
		crc = crc32c(crc, buffer, want);
		offset += want;
		left -= want;
	}
	return crc == seal->crc;
}

/* What a file is whose last bytes are not a seal. */
static enum entry_result
without_seal(char const last[SEAL_SIZE])
{
	return seal_resembles(last) ? ENTRY_BROKEN : ENTRY_UNSEALED;
}

/* Keeps a copy of the envelope of a file whose seal agrees. */
static enum entry_result
envelope_take(struct entry *e, struct span bytes)
{
	if (!stralloc_copyb(&e->records, bytes.s, bytes.len))
		return ENTRY_TROUBLE;
	if (envelope_parse(&e->envelope, e->records.s, e->records.len) == -1)
		return ENTRY_BROKEN;
	return ENTRY_GOOD;
}

static int
seal_fits(struct seal const *seal, uint64_t size)
{
	return seal->message <= size && seal->envelope <= size &&
	       seal->message + seal->envelope + SEAL_SIZE == size;
}

/* Most entries are small: one read brings all of it. */
static enum entry_result
read_small(struct entry *e, int fd)
{
	char file[READ_SIZE];
	struct seal seal;
	ssize_t n = durable_read_at(fd, file, e->size, 0);

	if (n == -1)
		return ENTRY_TROUBLE;
	if ((size_t)n != e->size)
		return ENTRY_UNSEALED;
	if (seal_parse(&seal, file + n - SEAL_SIZE) == -1)
		return without_seal(file + n - SEAL_SIZE);
	if (!seal_fits(&seal, e->size) || crc32c(0, file, (size_t)n - SEAL_SIZE) != seal.crc)
		return ENTRY_BROKEN;
	e->message = seal.message;
	return envelope_take(e, span(file + seal.message, seal.envelope));
}

static enum entry_result
read_large(struct entry *e, int fd)
{
	char line[SEAL_SIZE];
	struct seal seal;
	stralloc records = STRALLOC_ZERO;
	enum entry_result result = ENTRY_TROUBLE;
	ssize_t n = durable_read_at(fd, line, SEAL_SIZE, e->size - SEAL_SIZE);

	if (n == -1)
		return ENTRY_TROUBLE;
	if (n != SEAL_SIZE)
		return ENTRY_UNSEALED;
	if (seal_parse(&seal, line) == -1)
		return without_seal(line);
	if (!seal_fits(&seal, e->size))
		return ENTRY_BROKEN;
	switch (checksum_agrees(fd, &seal)) {
	case -1: return ENTRY_TROUBLE;
	case 0: return ENTRY_BROKEN;
	}
	e->message = seal.message;
	if (stralloc_ready(&records, seal.envelope) &&
		durable_read_at(fd, records.s, seal.envelope, seal.message) ==
			(ssize_t)seal.envelope)
		result = envelope_take(e, span(records.s, seal.envelope));
	stralloc_free(&records);
	return result;
}

enum entry_result
entry_read(struct entry *e, int fd)
{
	stralloc empty = STRALLOC_ZERO;
	enum entry_result result;
	struct stat st;

	e->fd = -1;
	e->records = empty;
	if (fstat(fd, &st) == -1)
		return ENTRY_TROUBLE;
	if (!S_ISREG(st.st_mode))
		return ENTRY_BROKEN;
	e->size = (uint64_t)st.st_size;
	if (e->size < SEAL_SIZE)
		return ENTRY_UNSEALED;
	result = e->size <= READ_SIZE ? read_small(e, fd) : read_large(e, fd);
	if (result != ENTRY_GOOD) {
		int saved = errno;
		stralloc_free(&e->records);
		errno = saved;
	}
	return result;
}

enum entry_result
entry_open(struct entry *e, uint64_t id)
{
	char path[SPOOL_PATH_MAX];
	enum entry_result result;
	int fd;

	spool_mess_path(path, id);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT                    ? ENTRY_ABSENT
		       : errno == ELOOP || errno == ENXIO ? ENTRY_BROKEN /* a link, a socket */
							  : ENTRY_TROUBLE;
	result = entry_read(e, fd);
	if (result == ENTRY_GOOD) {
		e->fd = fd;
	} else {
		int saved = errno;
		close(fd);
		errno = saved;
	}
	return result;
}

void
entry_close(struct entry *e)
{
	if (e->fd != -1)
		close(e->fd);
	e->fd = -1;
	stralloc_free(&e->records);
}
