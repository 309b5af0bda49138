#include "local/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/durable.h"
#include "lib/platform.h"

/* A copy larger than this is not held in memory. */
enum { MEMORY_COPY_MAX = 1024 * 1024 };

static int
piece_read(struct message *message, char *s, uint64_t offset, size_t *len)
{
	uint64_t left = message->length - offset;
	size_t want = left < MESSAGE_PIECE ? (size_t)left : MESSAGE_PIECE;
	ssize_t got = durable_read_at(message->fd, s, want, offset);

	if (got == -1)
		return -1;
	*len = want;
	if ((size_t)got != want) {
		errno = EIO;
		return -1;
	}
	return 0;
}

int
message_open(struct message *message, int fd, uint64_t length)
{
	message->fd = fd;
	message->length = length;
	return piece_read(message, message->head, 0, &message->head_length);
}

int
message_next(struct message *message, uint64_t *offset, struct span *piece)
{
	if (*offset >= message->length)
		return 0;
	if (*offset == 0) {
		*piece = span(message->head, message->head_length);
	} else {
		size_t len;

		if (piece_read(message, message->more, *offset, &len) == -1)
			return -1;
		*piece = span(message->more, len);
	}
	*offset += piece->len;
	return 1;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Byte by byte, so that a line may lie across two pieces. */
int
message_header_has(struct message *message, struct span line)
{
	uint64_t offset = 0;
	size_t column = 0, matched = 0;
	struct span piece;
	int r;

	while ((r = message_next(message, &offset, &piece)) == 1) {
		for (size_t i = 0; i < piece.len; i++) {
			if (piece.s[i] != '\n') {
				if (matched == column && matched < line.len &&
					lower(piece.s[i]) == lower(line.s[matched]))
					matched++;
				column++;
				continue;
			}
			if (column == 0)
				return 0; /* the end of the header */
			if (matched == line.len && column == line.len)
				return 1;
			column = matched = 0;
		}
	}
	return r;
}

static int
file_without_name(uint64_t size)
{
	char path[] = "/tmp/tern-local.XXXXXX";
	int fd = size <= MEMORY_COPY_MAX ? platform_memory_file("message") : -1;

	if (fd != -1)
		return fd;
	fd = mkstemp(path);
	if (fd != -1 && (unlink(path) == -1 || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)) {
		close(fd);
		return -1;
	}
	return fd;
}

int
message_copy(struct message *message)
{
	int fd = file_without_name(message->length);
	uint64_t offset = 0;
	struct span piece;
	int r = -1;

	if (fd == -1)
		return -1;
	while ((r = message_next(message, &offset, &piece)) == 1)
		if (durable_write(fd, piece.s, piece.len) == -1) {
			r = -1;
			break;
		}
	if (r == -1 || lseek(fd, 0, SEEK_SET) == -1) {
		int e = errno;

		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}
