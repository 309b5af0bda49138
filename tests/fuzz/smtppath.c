#include <stdint.h>
#include <stdlib.h>

#include "wire/smtppath.h"

/* What is possible is one path: nothing that ends a command, and no ">" but the last outside
 * quotes. */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	static stralloc out;
	struct span address = span((char const *)data, size);
	int quoted = 0;

	if (!smtppath_is_possible(address))
		return 0;
	out.len = 0;
	if (!smtppath_append(&out, address) || out.len < 2 || out.s[0] != '<')
		abort();
	for (size_t i = 1; i < out.len; i++) {
		if ((out.s[i] >= 0 && out.s[i] < ' ') || out.s[i] == '\177')
			abort();
		if (quoted && out.s[i] == '\\')
			i++;
		else if (out.s[i] == '"')
			quoted = !quoted;
		else if (!quoted && (out.s[i] == '>') != (i + 1 == out.len))
			abort();
		else if (!quoted && (out.s[i] == ' ' || out.s[i] == '<'))
			abort();
	}
	if (quoted)
		abort();
	return 0;
}
