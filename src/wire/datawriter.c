#include "wire/datawriter.h"

enum class { TEXT, DOT, CR, LF, CLASSES };

/* What goes out for a byte: before it something else or nothing, then itself or nothing. */
struct step {
	enum datawriter_state next;
	char before;
	char itself;
};

/* clang-format off */
static struct step const steps[][CLASSES] = {
	[DATAWRITER_LINE_START] = {
		[TEXT] = {DATAWRITER_IN_LINE,     0, 1},
		[DOT]  = {DATAWRITER_IN_LINE,   '.', 1},
		[CR]   = {DATAWRITER_AFTER_CR,    0, 0},
		[LF]   = {DATAWRITER_LINE_START, '\r', 1},
	},
	[DATAWRITER_IN_LINE] = {
		[TEXT] = {DATAWRITER_IN_LINE,     0, 1},
		[DOT]  = {DATAWRITER_IN_LINE,     0, 1},
		[CR]   = {DATAWRITER_AFTER_CR,    0, 0},
		[LF]   = {DATAWRITER_LINE_START, '\r', 1},
	},
	[DATAWRITER_AFTER_CR] = {
		[TEXT] = {DATAWRITER_IN_LINE,   ' ', 1},
		[DOT]  = {DATAWRITER_IN_LINE,   ' ', 1},
		[CR]   = {DATAWRITER_AFTER_CR,  ' ', 0},
		[LF]   = {DATAWRITER_LINE_START, '\r', 1},
	},
};

static char const *const ends[] = {
	[DATAWRITER_LINE_START] = "",
	[DATAWRITER_IN_LINE]    = "\r\n",
	[DATAWRITER_AFTER_CR]   = " \r\n",
};
/* clang-format on */

static enum class class_of(struct datawriter const *writer, char c) {
	switch (c){
		case '.' : return writer->form == DATAWRITER_DOTS ? DOT : TEXT;
		case '\r' : return CR;
		case '\n' : return LF;
		default : return TEXT;
	}
}

/* The bytes at the start of text that a line takes as they are: all but CR and LF. */
static size_t
run_length(struct span text)
{
	size_t line = span_find(text, '\n');

	return span_find(span(text.s, line), '\r');
}

int
datawriter_put(struct datawriter *writer, stralloc *out, struct span text)
{
	char *to;

	if (!stralloc_readyplus(out, 2 * text.len))
		return 0;
	to = out->s + out->len;
	for (size_t i = 0; i < text.len; i++) {
		struct step const *step = &steps[writer->state][class_of(writer, text.s[i])];

		if (step->before)
			*to++ = step->before;
		if (step->itself)
			*to++ = text.s[i];
		writer->state = step->next;
		if (writer->state == DATAWRITER_IN_LINE) {
			size_t run = run_length(span(text.s + i + 1, text.len - i - 1));

			memcpy(to, text.s + i + 1, run);
			to += run;
			i += run;
		}
	}
	out->len = (size_t)(to - out->s);
	return 1;
}

int
datawriter_end(struct datawriter *writer, stralloc *out)
{
	return stralloc_cats(out, ends[writer->state]) &&
	       (writer->form == DATAWRITER_CHUNK || stralloc_cats(out, ".\r\n"));
}
