#include "lib/json.h"

#include <stdio.h>

#include "lib/text.h"

/* The length of the character of UTF-8 (RFC 3629, 4) at the start of s, or 0 when it is none. */
static size_t
utf8_length(struct span s)
{
	unsigned char const *b = (unsigned char const *)s.s;
	size_t n = b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > s.len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) ||
		(b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f))
		return 0;
	return n;
}

/* RFC 8259, 7. What is not UTF-8 becomes the replacement character. */
int
json_append_string(stralloc *out, struct span s)
{
	int good = stralloc_catb(out, "\"", 1);

	for (size_t i = 0; good && i < s.len;) {
		unsigned char c = (unsigned char)s.s[i];
		size_t n = c < 128 ? 1 : utf8_length(span(s.s + i, s.len - i));
		char escape[8];

		if (n == 0)
			good = stralloc_cats(out, "\\ufffd");
		else if (c == '"' || c == '\\')
			good = stralloc_catb(out, "\\", 1) && stralloc_catb(out, s.s + i, 1);
		else if (c < ' ' || c == 127)
			good = snprintf(escape, sizeof escape, "\\u%04x", (unsigned)c) > 0 &&
			       stralloc_cats(out, escape);
		else
			good = stralloc_catb(out, s.s + i, n);
		i += n ? n : 1;
	}
	return good && stralloc_catb(out, "\"", 1);
}

int
json_append_text_field(stralloc *out, char const *name, struct span value)
{
	return text_append(out, ",\"", name, "\":", (char *)NULL) && json_append_string(out, value);
}

int
json_append_number_field(stralloc *out, char const *name, uint64_t value)
{
	return text_append(out, ",\"", name, "\":", (char *)NULL) && text_append_number(out, value);
}
