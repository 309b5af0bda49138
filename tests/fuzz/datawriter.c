#include <stdint.h>
#include <stdlib.h>

#include "wire/datawriter.h"

/* No bare CR, no bare LF, and the end of data once, at the end. */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	static stralloc sa;
	struct datawriter writer = DATAWRITER_ZERO;
	size_t cut = size ? data[0] % size : 0, line = 0;

	sa.len = 0;
	datawriter_put(&writer, &sa, span((char const *)data, cut));
	datawriter_put(&writer, &sa, span((char const *)data + cut, size - cut));
	datawriter_end(&writer, &sa);
	for (size_t i = 0; i < sa.len; i++) {
		if (sa.s[i] == '\r' && (i + 1 == sa.len || sa.s[i + 1] != '\n'))
			abort();
		if (sa.s[i] != '\n')
			continue;
		if (i == 0 || sa.s[i - 1] != '\r')
			abort();
		if ((i - line == 2 && sa.s[line] == '.') != (i + 1 == sa.len))
			abort();
		line = i + 1;
	}
	return 0;
}
