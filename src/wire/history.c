#include "wire/history.h"

#include <stdio.h>

#include "lib/crc32c.h"
#include "lib/number.h"
#include "lib/text.h"

static char const *const event_names[] = {
	[HISTORY_DELIVERED] = "delivered",
	[HISTORY_FAILED] = "failed",
	[HISTORY_DEFERRED] = "deferred",
	[HISTORY_TROUBLE] = "trouble",
	[HISTORY_BOUNCED] = "bounced",
	[HISTORY_RELAYED] = "relayed",
	[HISTORY_PASSED] = "passed",
	[HISTORY_EXPANDED] = "expanded",
	[HISTORY_REPORTED] = "reported",
	[HISTORY_WARNED] = "warned",
	[HISTORY_HELD] = "held",
	[HISTORY_RELEASED] = "released",
	[HISTORY_RETRY] = "retry",
	[HISTORY_REMOVED] = "removed",
};

enum { EVENTS = sizeof event_names / sizeof event_names[0], CRC_DIGITS = 8 };

char const *
history_event_name(enum history_event event)
{
	return event_names[event];
}

int
history_event_parse(enum history_event *event, struct span word)
{
	for (size_t i = 0; i < EVENTS; i++)
		if (span_equal(word, span_string(event_names[i]))) {
			*event = (enum history_event)i;
			return 0;
		}
	return -1;
}

static int
ranges_append(stralloc *sa, struct history_line const *line)
{
	for (size_t i = 0; i < line->ranges; i++) {
		struct range r = line->range[i];

		if (i && !stralloc_catb(sa, ",", 1))
			return 0;
		if (!text_append_number(sa, r.first))
			return 0;
		if (r.last != r.first &&
			(!stralloc_catb(sa, "-", 1) || !text_append_number(sa, r.last)))
			return 0;
	}
	return 1;
}

/* A word holds no blank; an unknown one is "-". */
static int
word_append(stralloc *sa, struct span word)
{
	size_t start;

	if (word.len > 255)
		word.len = 255;
	if (word.len == 0)
		return stralloc_catb(sa, "- ", 2);
	start = sa->len;
	if (!text_append_clean(sa, word))
		return 0;
	for (; start < sa->len; start++)
		if (sa->s[start] == ' ')
			sa->s[start] = '?';
	return stralloc_catb(sa, " ", 1);
}

static int
number_append(stralloc *sa, uint64_t n)
{
	return text_append_number(sa, n) && stralloc_catb(sa, " ", 1);
}

/* Words of several lines become one, as in the log. */
static int
text_append_joined(stralloc *sa, struct span text)
{
	size_t start = sa->len;

	if (!text_append_clean(sa, text))
		return 0;
	for (size_t i = 0; i < text.len; i++)
		if (text.s[i] == '\n')
			sa->s[start + i] = '/';
	return 1;
}

int
history_append(stralloc *sa, struct history_line const *line)
{
	struct span text = line->text;
	size_t start = sa->len;
	char digits[CRC_DIGITS + 2];

	if (text.len > HISTORY_TEXT_MAX)
		text.len = HISTORY_TEXT_MAX;
	if (!stralloc_cats(sa, "00000000 ") || !number_append(sa, line->time) ||
		!text_append(sa, event_names[line->event], " ", (char *)NULL) ||
		!number_append(sa, line->attempt) || !ranges_append(sa, line) ||
		!stralloc_catb(sa, " ", 1) || !number_append(sa, line->next) ||
		!word_append(sa, line->host) || !word_append(sa, line->address) ||
		!text_append_joined(sa, text) || !stralloc_catb(sa, "\n", 1))
		return 0;
	start += CRC_DIGITS + 1;
	snprintf(digits, sizeof digits, "%08lx",
		(unsigned long)crc32c(0, sa->s + start, sa->len - start - 1));
	memcpy(sa->s + start - CRC_DIGITS - 1, digits, CRC_DIGITS);
	return 1;
}

static int
ranges_parse(struct history_line *line, struct span list)
{
	for (line->ranges = 0; list.len; line->ranges++) {
		struct span last = span_cut(&list, ',');
		struct span first = span_cut(&last, '-');
		struct range r;

		if (line->ranges == HISTORY_RANGES_MAX ||
			number_parse(first, UINT32_MAX, &r.first) == -1)
			return -1;
		r.last = r.first;
		if (last.len && number_parse(last, UINT32_MAX, &r.last) == -1)
			return -1;
		if (r.last < r.first)
			return -1;
		line->range[line->ranges] = r;
	}
	return line->ranges ? 0 : -1;
}

static struct span
word_take(struct span *rest)
{
	struct span word = span_cut(rest, ' ');

	return span_equal(word, SPAN_LITERAL("-")) ? span(word.s, 0) : word;
}

static int
crc_agrees(struct span text)
{
	char digits[CRC_DIGITS + 2];

	if (text.len < CRC_DIGITS + 1 || text.s[CRC_DIGITS] != ' ')
		return 0;
	snprintf(digits, sizeof digits, "%08lx",
		(unsigned long)crc32c(0, text.s + CRC_DIGITS + 1, text.len - CRC_DIGITS - 1));
	return memcmp(digits, text.s, CRC_DIGITS) == 0;
}

static int
line_parse(struct history_line *line, struct span rest)
{
	if (!crc_agrees(rest))
		return -1;
	span_cut(&rest, ' ');
	if (number_parse(span_cut(&rest, ' '), UINT64_MAX, &line->time) == -1 ||
		history_event_parse(&line->event, span_cut(&rest, ' ')) == -1 ||
		number_parse(span_cut(&rest, ' '), UINT32_MAX, &line->attempt) == -1 ||
		ranges_parse(line, span_cut(&rest, ' ')) == -1 ||
		number_parse(span_cut(&rest, ' '), UINT64_MAX, &line->next) == -1)
		return -1;
	line->host = word_take(&rest);
	line->address = word_take(&rest);
	line->text = rest;
	return 0;
}

int
history_next(struct history_line *line, struct span *rest, unsigned *damaged)
{
	while (rest->len) {
		size_t end = span_find(*rest, '\n');
		int whole = end < rest->len;
		struct span text = span_cut(rest, '\n');

		if (whole && line_parse(line, text) == 0)
			return 1;
		if (damaged && text.len)
			(*damaged)++;
	}
	return 0;
}
