#include "lib/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/durable.h"
#include "lib/number.h"
#include "lib/text.h"

static char const *
folder_of(char const *name)
{
	return strchr(name, '/') ? "" : "control/";
}

int
control_complain(stralloc *why, char const *name, unsigned line, char const *text, struct span what)
{
	char number[16] = "";

	if (line)
		snprintf(number, sizeof number, ":%u", line);
	if (stralloc_cats(why, folder_of(name)) && stralloc_cats(why, name) &&
		stralloc_cats(why, number) && stralloc_cats(why, ": ") && stralloc_cats(why, text))
		if (what.len && stralloc_cats(why, ": "))
			text_append_clean(why, span(what.s, what.len < 200 ? what.len : 200));
	return -1;
}

static int
complain_errno(stralloc *why, char const *name)
{
	int e = errno;

	control_complain(why, name, 0, "can not be read", span_string(strerror(e)));
	errno = e;
	return -1;
}

/* Reads the whole file, ended by a NUL that len does not count. Returns 1, 0 or -1. */
static int
file_read(stralloc *text, char const *name, stralloc *why)
{
	stralloc path = STRALLOC_ZERO;
	struct stat st;
	ssize_t got = -1;
	int fd = -1;

	if (stralloc_cats(&path, folder_of(name)) && stralloc_cats(&path, name) &&
		stralloc_0(&path))
		fd = open(path.s, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	stralloc_free(&path);
	if (fd == -1)
		return errno == ENOENT ? 0 : complain_errno(why, name);
	if (fstat(fd, &st) == -1) {
		complain_errno(why, name);
	} else if (!S_ISREG(st.st_mode)) {
		control_complain(why, name, 0, "is not a regular file", span("", 0));
	} else if (st.st_size > CONTROL_FILE_MAX) {
		control_complain(why, name, 0, "is larger than 64 MiB", span("", 0));
	} else if (!stralloc_ready(text, (size_t)st.st_size + 1) ||
		   (got = durable_read_at(fd, text->s, (size_t)st.st_size, 0)) == -1) {
		complain_errno(why, name);
	} else {
		text->len = (size_t)got;
		text->s[text->len] = '\0';
	}
	close(fd);
	return got == -1 ? -1 : 1;
}

static struct span
line_trimmed(struct span line)
{
	while (line.len && (line.s[line.len - 1] == ' ' || line.s[line.len - 1] == '\t' ||
				   line.s[line.len - 1] == '\r'))
		line.len--;
	return line;
}

int
control_list_read(struct control_list *list, char const *name, stralloc *why)
{
	struct span rest;
	unsigned number = 0;
	int r;

	list->text.len = list->lines.len = 0;
	r = file_read(&list->text, name, why);
	if (r != 1)
		return r;
	rest = span(list->text.s, list->text.len);
	while (rest.len) {
		struct control_line line = {line_trimmed(span_cut(&rest, '\n')), ++number};

		if (line.text.len == 0 || line.text.s[0] == '#')
			continue;
		if (memchr(line.text.s, '\0', line.text.len))
			return control_complain(why, name, number, "holds a NUL byte", span("", 0));
		if (!genalloc_append(struct control_line, &list->lines, &line))
			return complain_errno(why, name);
	}
	return 1;
}

size_t
control_list_length(struct control_list const *list)
{
	return genalloc_len(struct control_line, &list->lines);
}

struct control_line const *
control_list_line(struct control_list const *list, size_t i)
{
	return genalloc_s(struct control_line, &list->lines) + i;
}

void
control_list_free(struct control_list *list)
{
	stralloc_free(&list->text);
	genalloc_free(struct control_line, &list->lines);
}

int
control_value_read(stralloc *value, char const *name, char const *fallback, stralloc *why)
{
	int r;

	value->len = 0;
	r = file_read(value, name, why);
	if (r == -1)
		return -1;
	if (r == 1) {
		value->len =
			line_trimmed(span(value->s, span_find(span(value->s, value->len), '\n')))
				.len;
		if (memchr(value->s, '\0', value->len))
			return control_complain(why, name, 1, "holds a NUL byte", span("", 0));
		value->s[value->len] = '\0';
	}
	if (value->len)
		return 1;
	value->len = 0;
	if (!stralloc_cats(value, fallback ? fallback : "") || !stralloc_0(value))
		return complain_errno(why, name);
	value->len--;
	return 0;
}

typedef int parse_function(struct span, uint64_t, uint64_t *);

static int
value_parse(uint64_t *value, char const *name, parse_function *parse, char const *kind,
	uint64_t min, uint64_t max, stralloc *why)
{
	stralloc text = STRALLOC_ZERO;
	int r = control_value_read(&text, name, NULL, why);
	uint64_t n;

	if (r == 1) {
		if (parse(span(text.s, text.len), max, &n) == -1 || n < min) {
			char limits[80];

			snprintf(limits, sizeof limits, "is not a %s from %llu to %llu", kind,
				(unsigned long long)min, (unsigned long long)max);
			r = control_complain(why, name, 1, limits, span(text.s, text.len));
		} else {
			*value = n;
		}
	}
	stralloc_free(&text);
	return r == -1 ? -1 : 0;
}

int
control_number_read(uint64_t *value, char const *name, uint64_t fallback, uint64_t min,
	uint64_t max, stralloc *why)
{
	*value = fallback;
	return value_parse(value, name, number_parse, "number", min, max, why);
}

int
control_duration_read(uint64_t *seconds, char const *name, uint64_t fallback, uint64_t min,
	uint64_t max, stralloc *why)
{
	*seconds = fallback;
	return value_parse(seconds, name, duration_parse, "duration in seconds", min, max, why);
}

int
control_me(stralloc *me, stralloc *why)
{
	int r = control_value_read(me, "me", NULL, why);

	if (r == 0)
		return control_complain(why, "me", 0,
			"is missing or empty; it must hold the name of this host", span("", 0));
	return r == 1 ? 0 : -1;
}
