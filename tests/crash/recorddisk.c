/*
 * recorddisk MOUNTPOINT LOG IMAGE...: not a test but a tool for tests: disks
 * that write down all that happens to them, and that can be made to die.
 *
 * At MOUNTPOINT (a FUSE file system, served until it is unmounted):
 *
 *   disk0, disk1, ...  the images, for a loop device each; nothing is cached
 *   mark               what is written here is a record of its own in the log:
 *                      where the driver of a test was
 *   control            "die N": after N more writes and flushes, every one fails
 *                      with EIO for ever
 *
 * LOG is a sequence of records, a struct record and then its data each, in the
 * order in which all disks together saw them. A flush says that all earlier
 * writes to that disk are durable.
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE /* fallocate's modes, of which FUSE knows two */

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <fuse.h>

enum kind { WRITE, FLUSH, ZERO, MARK };

struct record {
	uint32_t kind;
	uint32_t disk;
	uint64_t offset;
	uint64_t length; /* of the bytes meant; those of WRITE and MARK follow */
	uint64_t time;   /* nanoseconds since 1970 */
};

enum { DISKS_MAX = 8 };

static struct disk {
	char *bytes;
	size_t size;
} disks[DISKS_MAX];

static uint32_t disk_count;
static int log_fd;
static long long left = -1; /* writes and flushes until all fail; -1: never */

enum node { NODE_NONE, NODE_ROOT, NODE_MARK, NODE_CONTROL, NODE_DISK };

static enum node
node_find(char const *path, uint32_t *disk)
{
	if (strcmp(path, "/") == 0)
		return NODE_ROOT;
	if (strcmp(path, "/mark") == 0)
		return NODE_MARK;
	if (strcmp(path, "/control") == 0)
		return NODE_CONTROL;
	if (strncmp(path, "/disk", 5) == 0 && path[5] >= '0' && path[5] < '0' + DISKS_MAX &&
		path[6] == '\0') {
		*disk = (uint32_t)(path[5] - '0');
		return *disk < disk_count ? NODE_DISK : NODE_NONE;
	}
	return NODE_NONE;
}

static void
log_bytes(void const *bytes, size_t length)
{
	char const *at = bytes;

	while (length) {
		ssize_t n = write(log_fd, at, length);

		if (n <= 0) {
			perror("recorddisk: fatal: write the log");
			_exit(111);
		}
		at += n;
		length -= (size_t)n;
	}
}

static void
log_record(enum kind kind, uint32_t disk, uint64_t offset, uint64_t length, void const *data)
{
	struct timespec now;
	struct record record = {kind, disk, offset, length, 0};

	clock_gettime(CLOCK_REALTIME, &now);
	record.time = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	log_bytes(&record, sizeof record);
	if (data)
		log_bytes(data, length);
}

/* Counts one more operation of a disk. Returns whether it still works. */
static int
disk_works(void)
{
	if (left == 0)
		return 0;
	if (left > 0)
		left--;
	return 1;
}

static int
disk_getattr(char const *path, struct stat *st, struct fuse_file_info *info)
{
	uint32_t disk = 0;

	(void)info;
	memset(st, 0, sizeof *st);
	switch (node_find(path, &disk)) {
	case NODE_ROOT:
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		return 0;
	case NODE_MARK: st->st_mode = S_IFREG | 0666; break;
	case NODE_CONTROL: st->st_mode = S_IFREG | 0600; break;
	case NODE_DISK:
		st->st_mode = S_IFREG | 0600;
		st->st_size = (off_t)disks[disk].size;
		break;
	case NODE_NONE: return -ENOENT;
	}
	st->st_nlink = 1;
	return 0;
}

static int
disk_open(char const *path, struct fuse_file_info *info)
{
	uint32_t disk = 0;
	enum node node = node_find(path, &disk);

	if (node == NODE_NONE)
		return -ENOENT;
	info->fh = (uint64_t)node << 32 | disk;
	info->direct_io = 1;
	return 0;
}

static int
disk_truncate(char const *path, off_t size, struct fuse_file_info *info)
{
	uint32_t disk;

	(void)size;
	(void)info;
	return node_find(path, &disk) == NODE_DISK ? -EPERM : 0;
}

static int
disk_read(char const *path, char *buffer, size_t size, off_t offset, struct fuse_file_info *info)
{
	struct disk const *disk = &disks[(uint32_t)info->fh];

	(void)path;
	if (info->fh >> 32 != NODE_DISK || (size_t)offset >= disk->size)
		return 0;
	if (size > disk->size - (size_t)offset)
		size = disk->size - (size_t)offset;
	memcpy(buffer, disk->bytes + offset, size);
	return (int)size;
}

static int
control_take(char const *buffer, size_t size)
{
	char text[40];

	if (size >= sizeof text)
		return -EINVAL;
	memcpy(text, buffer, size);
	text[size] = '\0';
	return sscanf(text, "die %lld", &left) == 1 ? (int)size : -EINVAL;
}

static int
disk_write(char const *path, char const *buffer, size_t size, off_t offset,
	struct fuse_file_info *info)
{
	uint32_t index = (uint32_t)info->fh;
	struct disk const *disk = &disks[index];

	(void)path;
	switch ((enum node)(info->fh >> 32)) {
	case NODE_MARK: log_record(MARK, 0, 0, size, buffer); return (int)size;
	case NODE_CONTROL: return control_take(buffer, size);
	case NODE_DISK: break;
	default: return -EPERM;
	}
	if ((size_t)offset > disk->size || size > disk->size - (size_t)offset)
		return -ENOSPC;
	if (!disk_works())
		return -EIO;
	memcpy(disk->bytes + offset, buffer, size);
	log_record(WRITE, index, (uint64_t)offset, size, buffer);
	return (int)size;
}

static int
disk_fsync(char const *path, int data_only, struct fuse_file_info *info)
{
	(void)path;
	(void)data_only;
	if (info->fh >> 32 != NODE_DISK)
		return 0;
	if (!disk_works())
		return -EIO;
	log_record(FLUSH, (uint32_t)info->fh, 0, 0, NULL);
	return 0;
}

/* Discards and zeroes: both leave zeros. */
static int
disk_fallocate(char const *path, int mode, off_t offset, off_t length, struct fuse_file_info *info)
{
	uint32_t index = (uint32_t)info->fh;
	struct disk const *disk = &disks[index];

	(void)path;
	if (info->fh >> 32 != NODE_DISK || !(mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)))
		return -EOPNOTSUPP;
	if ((size_t)offset > disk->size || (size_t)length > disk->size - (size_t)offset)
		return -ENOSPC;
	if (!disk_works())
		return -EIO;
	memset(disk->bytes + offset, 0, (size_t)length);
	log_record(ZERO, index, (uint64_t)offset, (uint64_t)length, NULL);
	return 0;
}

static int
disk_readdir(char const *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
	struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
	char name[] = "disk0";

	(void)path;
	(void)offset;
	(void)info;
	(void)flags;
	fill(buffer, "mark", NULL, 0, 0);
	fill(buffer, "control", NULL, 0, 0);
	for (uint32_t i = 0; i < disk_count; i++) {
		name[4] = (char)('0' + i);
		fill(buffer, name, NULL, 0, 0);
	}
	return 0;
}

static struct fuse_operations const operations = {
	.getattr = disk_getattr,
	.open = disk_open,
	.truncate = disk_truncate,
	.read = disk_read,
	.write = disk_write,
	.fsync = disk_fsync,
	.fallocate = disk_fallocate,
	.readdir = disk_readdir,
};

static int
fatal(char const *what)
{
	fprintf(stderr, "recorddisk: fatal: %s: %s\n", what, strerror(errno));
	return 111;
}

static int
image_map(char const *path)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *bytes;

	if (fd == -1 || fstat(fd, &st) == -1)
		return -1;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (bytes == MAP_FAILED)
		return -1;
	disks[disk_count].bytes = bytes;
	disks[disk_count].size = (size_t)st.st_size;
	disk_count++;
	return 0;
}

int
main(int argc, char **argv)
{
	char *fuse_argv[] = {
		argv[0], "-f", "-s", "-o", "allow_other", argc > 1 ? argv[1] : NULL, NULL};

	if (argc < 4 || argc > 3 + DISKS_MAX) {
		fprintf(stderr, "recorddisk: usage: recorddisk MOUNTPOINT LOG IMAGE...\n");
		return 100;
	}
	log_fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd == -1)
		return fatal(argv[2]);
	for (int i = 3; i < argc; i++)
		if (image_map(argv[i]) == -1)
			return fatal(argv[i]);
	return fuse_main(6, fuse_argv, &operations, NULL);
}
