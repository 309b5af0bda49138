#include "tern/facts.h"

#include <stdio.h>

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "lib/json.h"
#include "lib/text.h"

static stralloc out;
static enum facts_form form;
static char const *list; /* the name of the one that is open */
static int list_is_empty;

static void
check(int good)
{
	if (!good)
		strerr_diefusys(EXIT_TEMPORARY, "get memory");
}

static void
json_name(char const *name)
{
	check(stralloc_cats(&out, ",\""));
	for (; *name; name++)
		check(stralloc_append(&out, *name == ' ' ? '_' : *name));
	check(stralloc_cats(&out, "\":"));
}

void
facts_begin(enum facts_form with, char const *title_name, struct span title)
{
	form = with;
	out.len = 0;
	if (form == FACTS_TEXT) {
		check(text_append_clean(&out, title) && stralloc_cats(&out, "\n"));
		return;
	}
	json_name(title_name);
	out.s[0] = '{';
	check(json_append_string(&out, title));
}

void
facts_text(char const *name, struct span value)
{
	if (form == FACTS_TEXT) {
		check(text_append(&out, "  ", name, ": ", (char *)0) &&
			text_append_clean(&out, value) && stralloc_cats(&out, "\n"));
		return;
	}
	json_name(name);
	check(json_append_string(&out, value));
}

void
facts_number(char const *name, unsigned long value)
{
	if (form == FACTS_TEXT)
		check(text_append(&out, "  ", name, ": ", (char *)0));
	else
		json_name(name);
	check(text_append_number(&out, value) && (form == FACTS_JSON || stralloc_cats(&out, "\n")));
}

void
facts_list(char const *name)
{
	list = name;
	list_is_empty = 1;
	if (form == FACTS_TEXT)
		return;
	json_name(name);
	check(stralloc_cats(&out, "["));
}

void
facts_item(struct span value)
{
	if (form == FACTS_TEXT) {
		facts_text(list, value);
		return;
	}
	check(stralloc_cats(&out, list_is_empty ? "" : ",") && json_append_string(&out, value));
	list_is_empty = 0;
}

void
facts_list_end(void)
{
	if (form == FACTS_JSON)
		check(stralloc_cats(&out, "]"));
}

void
facts_end(void)
{
	check(stralloc_cats(&out, form == FACTS_JSON ? "}\n" : ""));
	if (fwrite(out.s, 1, out.len, stdout) != out.len || fflush(stdout) == EOF)
		strerr_diefusys(EXIT_TEMPORARY, "write");
}
