#include "local/place.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int home = -1; /* the working directory */
static struct stat entered;

static enum verdict
enter(char const *path, stralloc *text)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return mail_verdict_errno(text, "switch to the home", path);
	if (fchdir(fd) == -1 || fstat(fd, &entered) == -1) {
		enum verdict verdict = mail_verdict_errno(text, "switch to the home", path);

		close(fd);
		return verdict;
	}
	if (home != -1)
		close(home);
	home = fd;
	return VERDICT_DELIVERED;
}

enum verdict
place_enter(struct recipient const *to, stralloc *text)
{
	struct stat st;

	if (stat(to->home, &st) == -1)
		return mail_verdict_errno(text, "switch to the home", to->home);
	if (home == -1 || st.st_dev != entered.st_dev || st.st_ino != entered.st_ino) {
		enum verdict verdict = enter(to->home, text);

		if (verdict != VERDICT_DELIVERED)
			return verdict;
		st = entered;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return mail_verdict(text, VERDICT_TROUBLE, "Uh-oh: the home ", to->home,
			" is writable by others. (#4.7.0)", (char *)0);
	if (st.st_mode & S_ISVTX)
		return mail_verdict(text, VERDICT_TROUBLE, "The home ", to->home,
			" is sticky: its owner is editing .qmail files. (#4.2.1)", (char *)0);
	return VERDICT_DELIVERED;
}

int
place_visit_tern(struct recipient const *to)
{
	if (to->tern == -1) {
		errno = EACCES;
		return -1;
	}
	return fchdir(to->tern);
}

int
place_return(void)
{
	return fchdir(home);
}
