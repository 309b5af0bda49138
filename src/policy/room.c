#include "policy/room.h"

#include <sys/statvfs.h>

#include "lib/clock.h"
#include "lib/control.h"

enum { KIB = 1024 };

static uint64_t const floor_max = UINT64_MAX / KIB;

static uint64_t disk_floor = ROOM_DISK_FLOOR_DEFAULT * (uint64_t)KIB; /* bytes; 0: none */
static uint64_t inode_floor = ROOM_INODE_FLOOR_DEFAULT;               /* 0: none */

int
room_settings_read(stralloc *why)
{
	uint64_t kib, inodes;

	if (control_number_read(&kib, "diskfloor", ROOM_DISK_FLOOR_DEFAULT, 0, floor_max, why) ==
			-1 ||
		control_number_read(
			&inodes, "inodefloor", ROOM_INODE_FLOOR_DEFAULT, 0, floor_max, why) == -1)
		return -1;
	disk_floor = kib * KIB;
	inode_floor = inodes;
	return 0;
}

/* A file system that can not say how full it is will say so when it is written to. */
static uint64_t
measure(char const **reason)
{
	struct statvfs st;
	uint64_t free;

	if ((disk_floor == 0 && inode_floor == 0) || statvfs("queue/mess", &st) == -1)
		return UINT64_MAX;
	if (st.f_files && st.f_favail < inode_floor) { /* some file systems do not count them */
		*reason = "too few inodes are free, see control/inodefloor";
		return 0;
	}
	if (disk_floor == 0)
		return UINT64_MAX;
	free = (uint64_t)st.f_bavail * st.f_frsize;
	if (free > disk_floor)
		return free - disk_floor;
	*reason = "too little of the disk is free, see control/diskfloor";
	return 0;
}

uint64_t
room_left(char const **reason)
{
	static int64_t measured_at = INT64_MIN;
	static char const *why;
	static uint64_t left;
	int64_t now = clock_monotonic();

	if (measured_at == INT64_MIN || now - measured_at >= ROOM_AGE_MAX) {
		why = NULL;
		left = measure(&why);
		measured_at = now;
	}
	*reason = why;
	return left;
}
