#include "wire/smtpreply.h"

#include "lib/text.h"

enum { CODE_LEN = 3 };

void
smtpreply_start(struct smtpreply *reply)
{
	reply->status = SMTPREPLY_MORE;
	reply->code = reply->lines = 0;
	reply->line.len = reply->text.len = 0;
}

/* Returns the code at the start of a line, or 0 when there is none. */
static unsigned
line_code(struct span line)
{
	unsigned code = 0;

	if (line.len < CODE_LEN || line.s[0] < '2' || line.s[0] > '5')
		return 0;
	for (size_t i = 0; i < CODE_LEN; i++) {
		if (line.s[i] < '0' || line.s[i] > '9')
			return 0;
		code = code * 10 + (unsigned)(line.s[i] - '0');
	}
	return code;
}

/* A line without its end; a code alone is one, too. */
static enum smtpreply_status
line_take(struct smtpreply *reply, struct span line)
{
	unsigned code = line_code(line);
	char separator = line.len > CODE_LEN ? line.s[CODE_LEN] : ' ';

	if (!text_append_clean(&reply->text, line) || !stralloc_catb(&reply->text, "\n", 1))
		return SMTPREPLY_NO_MEMORY;
	if (code == 0 || (separator != ' ' && separator != '-') ||
		(reply->lines > 0 && code != reply->code))
		return SMTPREPLY_WRONG;
	reply->code = code;
	reply->lines++;
	if (separator == ' ')
		return SMTPREPLY_COMPLETE;
	return reply->lines < SMTPREPLY_LINES_MAX ? SMTPREPLY_MORE : SMTPREPLY_WRONG;
}

/* Takes bytes up to the end of a line at most. */
static enum smtpreply_status
bytes_take(struct smtpreply *reply, struct span bytes, size_t *used)
{
	size_t end = span_find(bytes, '\n');
	size_t len = end;

	*used = end < bytes.len ? end + 1 : end;
	if (*used > SMTPREPLY_LINE_MAX - reply->line.len)
		return SMTPREPLY_WRONG;
	if (!stralloc_catb(&reply->line, bytes.s, len))
		return SMTPREPLY_NO_MEMORY;
	if (end == bytes.len)
		return SMTPREPLY_MORE;
	len = reply->line.len;
	reply->line.len = 0;
	if (len > 0 && reply->line.s[len - 1] == '\r')
		len--;
	return line_take(reply, span(reply->line.s, len));
}

enum smtpreply_status
smtpreply_feed(struct smtpreply *reply, struct span bytes, size_t *used)
{
	*used = 0;
	while (reply->status == SMTPREPLY_MORE && *used < bytes.len) {
		size_t n;

		reply->status = bytes_take(reply, span(bytes.s + *used, bytes.len - *used), &n);
		*used += n;
	}
	return reply->status;
}

struct span
smtpreply_line_cut(struct span *rest)
{
	struct span line = span_cut(rest, '\n');
	size_t skip = line.len > CODE_LEN ? CODE_LEN + 1 : line.len;

	return span(line.s + skip, line.len - skip);
}

void
smtpreply_free(struct smtpreply *reply)
{
	stralloc_free(&reply->line);
	stralloc_free(&reply->text);
}
