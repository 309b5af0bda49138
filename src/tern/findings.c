#include "tern/findings.h"

#include <stdio.h>

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "lib/json.h"
#include "lib/number.h"
#include "lib/text.h"

static char const *const levels[] = {"note", "warning", "error"};

static enum findings_form form;
static enum finding_level worst;
static unsigned long count;
static stralloc out;

void
findings_begin(enum findings_form with)
{
	form = with;
	worst = FINDING_NOTE;
	count = 0;
	if (form == FINDINGS_JSON)
		fputs("{\"findings\":[", stdout);
}

static int
text_line(enum finding_level level, struct span file, unsigned line, struct span what,
	char const *fix)
{
	return text_append(&out, levels[level], ": ", (char *)0) && text_append_clean(&out, file) &&
	       (!line || (stralloc_cats(&out, ":") && text_append_number(&out, line))) &&
	       stralloc_cats(&out, file.len ? ": " : "") && text_append_clean(&out, what) &&
	       (!fix || text_append(&out, ": ", fix, (char *)0)) && stralloc_cats(&out, "\n");
}

static int
json_object(enum finding_level level, struct span file, unsigned line, struct span what,
	char const *fix)
{
	return text_append(
		       &out, count ? "," : "", "{\"level\":\"", levels[level], "\"", (char *)0) &&
	       json_append_text_field(&out, "file", file) &&
	       (!line || json_append_number_field(&out, "line", line)) &&
	       json_append_text_field(&out, "what", what) &&
	       (!fix || json_append_text_field(&out, "fix", span_string(fix))) &&
	       stralloc_cats(&out, "}");
}

static void
add(enum finding_level level, struct span file, unsigned line, struct span what, char const *fix)
{
	out.len = 0;
	if (!(form == FINDINGS_TEXT ? text_line : json_object)(level, file, line, what, fix))
		strerr_diefusys(EXIT_TEMPORARY, "get memory");
	fwrite(out.s, 1, out.len, stdout);
	count++;
	if (level > worst)
		worst = level;
}

void
finding_add(enum finding_level level, char const *file, unsigned line, struct span what,
	char const *fix)
{
	add(level, file ? span_string(file) : span("", 0), line, what, fix);
}

/* "file:line: what", without ":line" when it is about all of the file. */
static void
complaint_add(enum finding_level level, struct span text, char const *fix)
{
	size_t colon = 0;
	struct span place, file;
	uint64_t line = 0;

	while (colon + 1 < text.len && !(text.s[colon] == ':' && text.s[colon + 1] == ' '))
		colon++;
	if (colon + 1 >= text.len) {
		add(level, span("", 0), 0, text, fix);
		return;
	}
	place = file = span(text.s, colon);
	colon += 2;
	file.len = span_find_last(place, ':');
	if (file.len == place.len ||
		number_parse(span(place.s + file.len + 1, place.len - file.len - 1), 1000000000,
			&line) == -1)
		file = place;
	add(level, file, (unsigned)line, span(text.s + colon, text.len - colon), fix);
}

void
finding_add_complaints(enum finding_level level, stralloc *why, char const *fix)
{
	struct span rest = span(why->s, why->len);

	while (rest.len)
		complaint_add(level, span_cut(&rest, '\n'), fix);
	why->len = 0;
}

int
findings_end(void)
{
	if (form == FINDINGS_JSON)
		fputs("]}\n", stdout);
	if (fflush(stdout) == EOF)
		strerr_diefusys(EXIT_TEMPORARY, "write");
	switch (worst) {
	case FINDING_ERROR: return FINDINGS_ERRORS;
	case FINDING_WARNING: return FINDINGS_WARNINGS;
	case FINDING_NOTE: break;
	}
	return FINDINGS_GOOD;
}
