#include <stdint.h>
#include <stdlib.h>

#include "wire/proxyheader.h"

/* What is complete stays so whatever follows, and is not complete with a byte less. */
int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	char const *s = (char const *)data;
	struct proxyheader whole, part;
	enum proxyheader_status status = proxyheader_parse(&whole, span(s, size));

	if (status == PROXYHEADER_MORE && size > PROXYHEADER_MAX)
		abort();
	if (status != PROXYHEADER_CLIENT && status != PROXYHEADER_LOCAL)
		return 0;
	if (whole.len == 0 || whole.len > size || whole.len > PROXYHEADER_MAX)
		abort();
	if (proxyheader_parse(&part, span(s, whole.len)) != status || part.len != whole.len ||
		proxyheader_parse(&part, span(s, whole.len - 1)) != PROXYHEADER_MORE)
		abort();
	return 0;
}
