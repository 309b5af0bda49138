#include "lib/text.h"

#include <stdarg.h>

#include "lib/number.h"

int
text_append_clean(stralloc *sa, struct span foreign)
{
	if (!stralloc_readyplus(sa, foreign.len))
		return 0;
	for (size_t i = 0; i < foreign.len; i++) {
		char c = foreign.s[i];

		sa->s[sa->len++] = c >= ' ' && c <= '~' ? c : '?';
	}
	return 1;
}

int
text_append_number(stralloc *sa, unsigned long long n)
{
	char digits[NUMBER_TEXT_MAX];

	return stralloc_catb(sa, digits, number_format(digits, n));
}

int
text_append(stralloc *sa, ...)
{
	va_list args;
	char const *s;
	int ok = 1;

	va_start(args, sa);
	while (ok && (s = va_arg(args, char const *)))
		ok = stralloc_cats(sa, s);
	va_end(args);
	return ok;
}
