#include "local/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/platform.h"
#include "lib/text.h"
#include "local/output.h"

enum { NAME_TRIES = 10, HOST_SIZE = 80, NAME_SIZE = 200 };

/*
 * A folder of the Maildir used last. It stays open for the next message as
 * long as its path leads to it, which one stat tells.
 */
struct folder {
	stralloc path;
	int fd;
	dev_t device;
	ino_t inode;
};

static struct folder tmp_folder = {.fd = -1}, new_folder = {.fd = -1};

static int
is_same(struct folder const *folder, struct stat const *st)
{
	return folder->fd != -1 && st->st_dev == folder->device && st->st_ino == folder->inode;
}

static void
folder_close(struct folder *folder)
{
	if (folder->fd != -1)
		close(folder->fd);
	folder->fd = -1;
}

/* The folder itself is no symbolic link, and ours: what is above it is the owner's choice. */
static enum verdict
folder_open(struct folder *folder, char const *path, char const *name, stralloc *text)
{
	struct stat st;

	folder->path.len = 0;
	if (!text_append(&folder->path, path, name, (char *)0) || !stralloc_0(&folder->path))
		return mail_verdict_errno(text, "name a folder of", path);
	if (lstat(folder->path.s, &st) == 0 && is_same(folder, &st))
		return VERDICT_DELIVERED;
	folder_close(folder);
	folder->fd = open(folder->path.s, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder->fd == -1 && errno == ENOENT)
		return mail_verdict(text, VERDICT_TROUBLE, "Unable to deliver to ", path,
			": there is no Maildir with a folder ", name, ". (#4.2.1)", (char *)0);
	if (folder->fd == -1 || fstat(folder->fd, &st) == -1)
		return mail_verdict_errno(text, "open", folder->path.s);
	if (st.st_uid != geteuid()) {
		folder_close(folder);
		return mail_verdict(text, VERDICT_TROUBLE, "Unable to deliver to ", folder->path.s,
			": it belongs to someone else. (#4.2.1)", (char *)0);
	}
	folder->device = st.st_dev;
	folder->inode = st.st_ino;
	return VERDICT_DELIVERED;
}

/* A slash or a colon of the host's name would mean something in a file's name. */
static char const *
host_name(void)
{
	static char host[HOST_SIZE];
	char plain[HOST_SIZE] = "";
	size_t len = 0;

	if (*host)
		return host;
	if (gethostname(plain, sizeof plain - 1) == -1 || !*plain)
		strcpy(plain, "localhost");
	for (char const *s = plain; *s && len + 4 < sizeof host; s++)
		if (*s == '/' || *s == ':')
			len += (size_t)snprintf(host + len, 5, "\\%03o", (unsigned)*s);
		else
			host[len++] = *s;
	host[len] = '\0';
	return host;
}

/* Unique on this host by time, process and count; the size saves readers a stat (Maildir++). */
static void
file_name(char name[NAME_SIZE], uint64_t size)
{
	static unsigned count;
	uint64_t now = clock_wall();

	snprintf(name, NAME_SIZE, "%llu.M%06lluP%ldQ%u.%s,S=%llu",
		(unsigned long long)(now / 1000000), (unsigned long long)(now % 1000000),
		(long)getpid(), ++count, host_name(), (unsigned long long)size);
}

static int
file_create(char name[NAME_SIZE], uint64_t size)
{
	int fd = -1;

	for (int i = 0; i < NAME_TRIES; i++) {
		file_name(name, size);
		fd = openat(tmp_folder.fd, name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd != -1 || errno != EEXIST)
			break;
	}
	return fd;
}

static int
file_write(int fd, struct mail *mail)
{
	static struct output output;
	uint64_t offset = 0;
	struct span piece;
	int r;

	output_begin(&output, fd);
	output_put(&output, span(mail->return_path.s, mail->return_path.len));
	output_put(&output, span(mail->delivered_to.s, mail->delivered_to.len));
	while ((r = message_next(&mail->message, &offset, &piece)) == 1)
		output_put(&output, piece);
	if (output_end(&output) == -1 || r == -1)
		return -1;
	return fsync(fd);
}

/* From tmp/ to new/ under the same name, or a fresh one where new/ has it already. */
static int
file_publish(char const *tmp_name, char new_name[NAME_SIZE], uint64_t size)
{
	int r = -1;

	strcpy(new_name, tmp_name);
	for (int i = 0; i < NAME_TRIES; i++) {
		r = platform_rename_new(tmp_folder.fd, tmp_name, new_folder.fd, new_name);
		if (r == 0 || errno != EEXIST)
			break;
		file_name(new_name, size);
	}
	return r;
}

/* What was not made durable is as good as not written, and is not left to look delivered. */
static enum verdict
give_up(int folder, char const *name, char const *what, char const *path, stralloc *text)
{
	enum verdict verdict = mail_verdict_errno(text, what, path);

	unlinkat(folder, name, 0);
	return verdict;
}

enum verdict
maildir_deliver(struct mail *mail, char const *path, stralloc *text)
{
	uint64_t size = mail->return_path.len + mail->delivered_to.len + mail->message.length;
	char tmp_name[NAME_SIZE], new_name[NAME_SIZE];
	enum verdict verdict = folder_open(&tmp_folder, path, "tmp", text);
	int fd, failed;

	if (verdict == VERDICT_DELIVERED)
		verdict = folder_open(&new_folder, path, "new", text);
	if (verdict != VERDICT_DELIVERED)
		return verdict;
	fd = file_create(tmp_name, size);
	if (fd == -1)
		return mail_verdict_errno(text, "create a file in", tmp_folder.path.s);
	failed = file_write(fd, mail) == -1;
	if (failed) {
		int e = errno;

		close(fd);
		errno = e;
	} else {
		failed = close(fd) == -1;
	}
	if (failed)
		return give_up(tmp_folder.fd, tmp_name, "write to", path, text);
	if (file_publish(tmp_name, new_name, size) == -1)
		return give_up(
			tmp_folder.fd, tmp_name, "move a message into", new_folder.path.s, text);
	if (fsync(new_folder.fd) == -1)
		return give_up(new_folder.fd, new_name, "make durable", new_folder.path.s, text);
	return VERDICT_DELIVERED;
}
