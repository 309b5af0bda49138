#include "policy/dotqmailfile.h"

#include <errno.h>
#include <fcntl.h>

#include "lib/text.h"
#include "wire/dotqmail.h"

static char const fallback[] = "default";

int
dotqmailfile_name(stralloc *name, char const *dash, struct span ext, char const *more)
{
	name->len = 0;
	return text_append(name, ".qmail", dash, (char *)0) && dotqmail_append_name(name, ext) &&
	       text_append(name, more, (char *)0) && stralloc_0(name);
}

int
dotqmailfile_is_absent(int error)
{
	return error == ENOENT || error == ENAMETOOLONG;
}

static int
try_name(stralloc *name, char const *dash, struct span ext, char const *more)
{
	if (!dotqmailfile_name(name, dash, ext, more)) {
		errno = ENOMEM;
		return -1;
	}
	return open(name->s, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Whether the extension itself ends in "default": then that is what it stands for. */
static int
ends_in_default(struct span ext)
{
	size_t len = sizeof fallback - 1;

	return ext.len >= len && memcmp(ext.s + ext.len - len, fallback, len) == 0;
}

int
dotqmailfile_open(stralloc *name, char const *dash, struct span ext, size_t *rest)
{
	int fd = try_name(name, dash, ext, "");

	*rest = ends_in_default(ext) ? ext.len - (sizeof fallback - 1) : DOTQMAILFILE_EXACT;
	if (fd == -1 && !*dash && dotqmailfile_is_absent(errno))
		errno = ENOENT;
	if (!*dash)
		return fd;
	for (size_t n = ext.len + 1; fd == -1 && dotqmailfile_is_absent(errno) && n-- > 0;) {
		if (n > 0 && ext.s[n - 1] != '-')
			continue;
		*rest = n;
		fd = try_name(name, dash, span(ext.s, n), fallback);
	}
	if (fd == -1 && dotqmailfile_is_absent(errno))
		errno = ENOENT;
	return fd;
}
