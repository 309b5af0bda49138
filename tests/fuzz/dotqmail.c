#include "wire/dotqmail.h"

#include <stdint.h>
#include <stdlib.h>

#include "wire/envelope.h"

/* Every line has its kind; what is taken never holds a NUL, a newline or trailing blanks. */
int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct span file = span((char const *)data, size);
	struct dotqmail at = {file, 0};
	struct dotqmail_line line;
	stralloc name = STRALLOC_ZERO;

	while (dotqmail_next(&at, &line)) {
		if (line.kind == DOTQMAIL_WRONG)
			continue;
		if (line.text.len > DOTQMAIL_LINE_MAX ||
			span_find(line.text, '\0') != line.text.len ||
			span_find(line.text, '\n') != line.text.len)
			abort();
		if (line.kind == DOTQMAIL_BLANK_FIRST && at.line != 1)
			abort();
		if (line.kind == DOTQMAIL_FORWARD &&
			(line.text.len == 0 || line.text.len >= ADDRESS_LIMIT))
			abort();
	}
	if (!dotqmail_append_name(&name, file) || name.len != size ||
		span_find(span(name.s, name.len), '/') != name.len ||
		span_find(span(name.s, name.len), '.') != name.len)
		abort();
	stralloc_free(&name);
	return 0;
}
