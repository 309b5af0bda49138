#include "local/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/durable.h"
#include "lib/platform.h"
#include "local/output.h"

enum { LOCK_MILLISECONDS = 30000, LOCK_PAUSE_MILLISECONDS = 50 };

static int
lock_try(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_SETLK, &lock) == -1)
		return -1;
	return platform_flock(fd);
}

/*
 * Both kinds, since mail readers use one or the other: fcntl first, as
 * Debian's policy has it. Neither is waited for while the other is held for
 * longer than this, so two orders can not lock each other out.
 */
static int
lock(int fd)
{
	int64_t deadline = clock_monotonic() + LOCK_MILLISECONDS;
	struct timespec pause = {.tv_nsec = LOCK_PAUSE_MILLISECONDS * 1000000L};
	struct flock unlock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	while (lock_try(fd) == -1) {
		int e = errno;

		if (e != EAGAIN && e != EACCES && e != EWOULDBLOCK && e != EINTR)
			return -1;
		fcntl(fd, F_SETLK, &unlock);
		if (clock_monotonic() >= deadline) {
			errno = EWOULDBLOCK;
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return 0;
}

/*
 * A line of the message that any number of '>' and "From " begin gets one more
 * '>', so that it can not be taken for the next message and can be undone.
 */
static struct span const from = {"From ", 5};

struct quoting {
	int in_line;     /* the start of this line has been decided on */
	uint64_t arrows; /* seen at its start, not yet written */
	size_t matched;  /* bytes of "From " after them, not yet written */
	char last;       /* the byte seen last */
};

/* Writes what was held back, with one more '>' or without. */
static void
quoting_release(struct quoting *q, struct output *output, int more)
{
	for (uint64_t n = q->arrows + (more ? 1 : 0); n; n--)
		output_put(output, SPAN_LITERAL(">"));
	output_put(output, span(from.s, q->matched));
	q->arrows = q->matched = 0;
	q->in_line = 1;
}

static void
quoting_put(struct quoting *q, struct output *output, struct span piece)
{
	while (piece.len) {
		char c = *piece.s;

		if (q->in_line) {
			size_t at = span_find(piece, '\n');
			size_t n = at < piece.len ? at + 1 : piece.len;

			output_put(output, span(piece.s, n));
			q->in_line = at == piece.len;
			q->last = piece.s[n - 1];
			piece = span(piece.s + n, piece.len - n);
			continue;
		}
		if (c == '>' && q->matched == 0) {
			q->arrows++;
		} else if (c == from.s[q->matched]) {
			q->matched++;
			if (q->matched == from.len)
				quoting_release(q, output, 1);
		} else {
			quoting_release(q, output, 0);
			continue; /* this byte is an ordinary one of the line */
		}
		q->last = c;
		piece = span(piece.s + 1, piece.len - 1);
	}
}

/*
 * A message begins after a blank line: where a delivery broke off, or someone
 * else wrote, there may be none. Returns 0, or -1 with errno.
 */
static int
blank_line_put(int fd, struct output *output, off_t size)
{
	char last[2] = "\n";
	size_t want = size > 1 ? 2 : (size_t)size;
	ssize_t n = durable_read_at(fd, last, want, (size_t)size - want);

	if (n == -1)
		return -1;
	if (n && last[n - 1] != '\n')
		output_put(output, SPAN_LITERAL("\n\n"));
	else if (n && (n == 1 || last[0] != '\n'))
		output_put(output, SPAN_LITERAL("\n"));
	return 0;
}

static int
text_write(int fd, struct mail *mail, off_t size)
{
	static struct output output;
	struct quoting quoting = {.last = '\n'};
	uint64_t offset = 0;
	struct span piece;
	int r;

	output_begin(&output, fd);
	if (blank_line_put(fd, &output, size) == -1)
		return -1;
	output_put(&output, span(mail->from_line.s, mail->from_line.len));
	output_put(&output, span(mail->return_path.s, mail->return_path.len));
	output_put(&output, span(mail->delivered_to.s, mail->delivered_to.len));
	while ((r = message_next(&mail->message, &offset, &piece)) == 1)
		quoting_put(&quoting, &output, piece);
	if (!quoting.in_line)
		quoting_release(&quoting, &output, 0);
	if (quoting.last != '\n')
		output_put(&output, SPAN_LITERAL("\n"));
	output_put(&output, SPAN_LITERAL("\n"));
	if (output_end(&output) == -1 || r == -1)
		return -1;
	return fsync(fd);
}

/* A new file's name must be durable too. */
static int
name_sync(char const *path)
{
	stralloc directory = STRALLOC_ZERO;
	char const *slash = strrchr(path, '/');
	int r = -1;

	if (!slash)
		return durable_directory(".");
	if (stralloc_catb(&directory, path, (size_t)(slash - path) + 1) && stralloc_0(&directory))
		r = durable_directory(directory.s);
	stralloc_free(&directory);
	return r;
}

/* The file is closed in any case. */
static enum verdict
append(int fd, struct mail *mail, char const *path, stralloc *text)
{
	enum verdict verdict;
	struct stat st;

	if (lock(fd) == -1 || fstat(fd, &st) == -1) {
		verdict = mail_verdict_errno(text, "lock", path);
		close(fd);
		return verdict;
	}
	if (text_write(fd, mail, st.st_size) == -1 || (st.st_size == 0 && name_sync(path) == -1)) {
		verdict = mail_verdict_errno(text, "append to", path);
		if (ftruncate(fd, st.st_size) == -1)
			mail_verdict_errno(text, " and to cut it back", path);
		close(fd);
		return verdict;
	}
	if (close(fd) == -1)
		return mail_verdict_errno(text, "close", path);
	return VERDICT_DELIVERED;
}

enum verdict
mailbox_deliver(struct mail *mail, char const *path, stralloc *text)
{
	/* never waiting for the other end of a fifo */
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1) {
		enum verdict verdict = mail_verdict_errno(text, "open", path);

		if (fd != -1)
			close(fd);
		return verdict;
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return mail_verdict(text, VERDICT_TROUBLE, "Unable to append to ", path,
			": it is not a regular file. (#4.2.1)", (char *)0);
	}
	return append(fd, mail, path, text);
}
