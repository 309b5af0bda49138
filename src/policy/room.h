#ifndef POLICY_ROOM_H
#define POLICY_ROOM_H

#include <stdint.h>

#include <skalibs/stralloc.h>

/*
 * The floors of the queue's disk. Below one of them no mail is taken, so that
 * what is already here can be finished: histories, bounces, removals need room.
 */
enum {
	ROOM_DISK_FLOOR_DEFAULT = 10 * 1024, /* KiB */
	ROOM_INODE_FLOOR_DEFAULT = 100,
	ROOM_AGE_MAX = 1000 /* milliseconds that an answer of the file system is good for */
};

/* Reads control/diskfloor and inodefloor. Returns 0; or -1 with *why, and they stay as they were.
 */
int room_settings_read(stralloc *why);

/*
 * How many bytes can be written before a floor is reached, UINT64_MAX when
 * nobody knows; or 0, and *reason says which floor it is.
 */
uint64_t room_left(char const **reason);

#endif
