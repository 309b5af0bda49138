#include "lib/privilege.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/platform.h"

int
privilege_drop(uid_t uid, gid_t gid)
{
	if (geteuid() != 0)
		return 0;
	if (platform_set_groups(gid) == -1 || setgid(gid) == -1 || setuid(uid) == -1)
		return -1;
	if (uid != 0 && (getuid() != uid || geteuid() != uid || setuid(0) == 0)) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

int
privilege_become_owner(char const *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return -1;
	return privilege_drop(st.st_uid, st.st_gid);
}

int
privilege_is_owner(uid_t uid, char const *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_uid == uid;
}
