#include "policy/filestamp.h"

#include <errno.h>
#include <sys/stat.h>

#include "lib/clock.h"

struct filestamp
filestamp_take(char const *path)
{
	struct filestamp stamp = {0, 0, 0, 0, 0};
	struct stat st;

	if (stat(path, &st) == -1) {
		stamp.is_settled = errno == ENOENT;
		return stamp;
	}
	stamp.inode = (uint64_t)st.st_ino;
	stamp.size = (uint64_t)st.st_size;
	stamp.seconds = (uint64_t)st.st_mtim.tv_sec;
	stamp.nanoseconds = (uint64_t)st.st_mtim.tv_nsec;
	stamp.is_settled = stamp.seconds + FILESTAMP_SETTLED_AFTER <= clock_wall() / 1000000;
	return stamp;
}

int
filestamp_same(struct filestamp before, struct filestamp now)
{
	return before.is_settled && now.is_settled && before.inode == now.inode &&
	       before.size == now.size && before.seconds == now.seconds &&
	       before.nanoseconds == now.nanoseconds;
}
