#include "wire/fields.h"

#include "lib/number.h"
#include "lib/text.h"

int
field_append(stralloc *sa, struct span value)
{
	return stralloc_catb(sa, value.s, value.len) && stralloc_0(sa);
}

int
field_append_number(stralloc *sa, uint64_t value)
{
	return text_append_number(sa, value) && stralloc_0(sa);
}

int
field_take(struct span *rest, struct span *value)
{
	size_t end = span_find(*rest, '\0');

	if (end == rest->len)
		return -1;
	*value = span_cut(rest, '\0');
	return 0;
}

int
field_take_number(struct span *rest, uint64_t max, uint64_t *value)
{
	struct span digits;

	if (field_take(rest, &digits) == -1)
		return -1;
	return number_parse(digits, max, value);
}
