#include "wire/diagnosis.h"

static char const unknown[] = "5.0.0";
static char const gave_up[] = "5.4.7";

static int
is_digit(struct span s, size_t i)
{
	return i < s.len && s.s[i] >= '0' && s.s[i] <= '9';
}

/* The place of the last `part` in s, or s.len. */
static size_t
find_last(struct span s, struct span part)
{
	for (size_t i = s.len; i > 0; i--)
		if (i - 1 + part.len <= s.len && memcmp(s.s + i - 1, part.s, part.len) == 0)
			return i - 1;
	return s.len;
}

static struct span
from(struct span s, size_t at)
{
	return at < s.len ? span(s.s + at, s.len - at) : span(s.s, 0);
}

/* The length of ".ddd" at i: one to three digits, or 0. */
static size_t
part_length(struct span s, size_t i)
{
	size_t n = 1;

	if (i >= s.len || s.s[i] != '.')
		return 0;
	while (n <= 3 && is_digit(s, i + n))
		n++;
	return n > 1 ? n : 0;
}

/* Reads the code at the start of s. Returns its length, or 0 when there is none. */
static size_t
status_read(char status[STATUS_MAX], struct span s)
{
	size_t subject = part_length(s, 1);
	size_t detail = subject ? part_length(s, 1 + subject) : 0;
	size_t len = 1 + subject + detail;

	if (!detail || (s.s[0] != '5' && s.s[0] != '4' && s.s[0] != '2') || is_digit(s, len) ||
		(len < s.len && s.s[len] == '.' && is_digit(s, len + 1)))
		return 0;
	memcpy(status, s.s, len);
	status[len] = '\0';
	return len;
}

/* "(#5.1.1)", the last one. Returns 1, or 0. */
static int
own_code_read(char status[STATUS_MAX], struct span text)
{
	struct span s = from(text, find_last(text, SPAN_LITERAL("(#")));
	size_t n;

	if (s.len == 0)
		return 0;
	s = from(s, 2);
	n = status_read(status, s);
	return n && n < s.len && s.s[n] == ')';
}

/* What follows the last "said: ", if it is a reply, without what send adds about giving up. */
static struct span
reply_find(struct span text)
{
	struct span const mark = SPAN_LITERAL("host said: ");
	struct span const ours = SPAN_LITERAL(" I'm not going to try again;");
	struct span s = from(text, find_last(text, mark));
	size_t end;

	if (s.len == 0)
		return s;
	s = from(s, mark.len);
	if (!is_digit(s, 0) || !is_digit(s, 1) || !is_digit(s, 2) || is_digit(s, 3))
		return span(text.s, 0);
	end = find_last(s, ours);
	return span(s.s, end);
}

/* Fills in what the text holds. Returns whether there is a code. */
static int
text_read(struct diagnosis *diagnosis, struct span text)
{
	char *status = diagnosis->status;
	int found;

	diagnosis->reply = reply_find(text);
	found = text.len && text.s[text.len - 1] == ')' && own_code_read(status, text);
	if (!found && diagnosis->reply.len > 4)
		found = status_read(status, from(diagnosis->reply, 4)) != 0;
	if (!found)
		found = own_code_read(status, text);
	return found;
}

void
diagnosis_read_as(struct diagnosis *diagnosis, struct span text, char class)
{
	if (!text_read(diagnosis, text))
		memcpy(diagnosis->status, unknown, sizeof unknown);
	diagnosis->status[0] = class;
}

void
diagnosis_read(struct diagnosis *diagnosis, struct span text)
{
	char *status = diagnosis->status;
	int found = text_read(diagnosis, text);

	if (!found && diagnosis->reply.len && diagnosis->reply.s[0] == '4')
		memcpy(status, gave_up, sizeof gave_up);
	else if (!found || status[0] == '2')
		memcpy(status, unknown, sizeof unknown);
	else if (status[0] == '4')
		memcpy(status, gave_up, sizeof gave_up);
}
