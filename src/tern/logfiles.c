#include "tern/logfiles.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/tai.h>

enum { NAME_MAX_KEPT = 64, STAMP_LENGTH = 25 /* @ and 24 digits */ };

static int
compare(void const *a, void const *b)
{
	return strcmp(a, b);
}

/* Archives are named by when they ended, so that their names sort by age. */
static size_t
archives_find(char names[][NAME_MAX_KEPT], char const *folder)
{
	DIR *dir = opendir(folder);
	struct dirent const *d;
	size_t count = 0;

	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] != '@' || strlen(d->d_name) >= NAME_MAX_KEPT)
			continue;
		if (count == LOGFILES_MAX) {
			qsort(names, count, NAME_MAX_KEPT, compare);
			memmove(names, names + 1, (--count) * NAME_MAX_KEPT);
		}
		strcpy(names[count++], d->d_name);
	}
	if (dir)
		closedir(dir);
	qsort(names, count, NAME_MAX_KEPT, compare);
	return count;
}

static void
file_open(struct logfiles *files, char const *folder, char const *name)
{
	char path[NAME_MAX_KEPT + 64];
	int fd;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd != -1)
		files->fd[files->count++] = fd;
}

void
logfiles_open(struct logfiles *files, char const *service)
{
	static char names[LOGFILES_MAX][NAME_MAX_KEPT];
	char folder[64];
	size_t count;

	files->count = 0;
	snprintf(folder, sizeof folder, "log/%s", service);
	count = archives_find(names, folder);
	for (size_t i = count == LOGFILES_MAX; i < count; i++)
		file_open(files, folder, names[i]);
	file_open(files, folder, "current");
}

/* Cuts the stamp off and says what time it is. */
static uint64_t
stamp_take(struct span *line)
{
	char stamp[STAMP_LENGTH + 1];
	tain when;
	time_t seconds;

	if (line->len < STAMP_LENGTH || line->s[0] != '@')
		return 0;
	memcpy(stamp, line->s, STAMP_LENGTH);
	stamp[STAMP_LENGTH] = '\0';
	if (timestamp_scan(stamp, &when) != STAMP_LENGTH ||
		!time_sysclock_from_tai(&seconds, &when.sec) || seconds < 0)
		return 0;
	line->s += STAMP_LENGTH;
	line->len -= STAMP_LENGTH;
	if (line->len && line->s[0] == ' ') {
		line->s++;
		line->len--;
	}
	return (uint64_t)seconds;
}

static void
file_each(int fd, logfiles_function *f, void *context)
{
	FILE *file = fdopen(dup(fd), "r");
	char text[LOGFILES_LINE_MAX];

	while (file && fgets(text, sizeof text, file)) {
		struct span line = span_string(text);
		uint64_t seconds;

		if (line.len && line.s[line.len - 1] == '\n')
			line.len--;
		seconds = stamp_take(&line);
		f(context, seconds, line);
	}
	if (file)
		fclose(file);
}

void
logfiles_each(struct logfiles const *files, logfiles_function *f, void *context)
{
	for (unsigned i = 0; i < files->count; i++) {
		if (lseek(files->fd[i], 0, SEEK_SET) == -1)
			continue;
		file_each(files->fd[i], f, context);
	}
}

void
logfiles_close(struct logfiles *files)
{
	while (files->count)
		close(files->fd[--files->count]);
}
