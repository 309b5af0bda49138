#include <stdint.h>
#include <stdlib.h>

#include "lib/utf8.h"
#include "wire/chunk.h"
#include "wire/dsnparameter.h"
#include "wire/xtext.h"

/* Nothing that is let pass can end a line, in its coded form or decoded; numbers are decimal. */
static void
decoded_check(struct span value)
{
	stralloc out = STRALLOC_ZERO;

	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.s[i] <= ' ' || value.s[i] == 127)
			abort();
	if (!xtext_append_decoded(&out, value))
		abort();
	for (size_t i = 0; i < out.len; i++)
		if (out.s[i] < ' ' || out.s[i] > '~')
			abort();
	stralloc_free(&out);
}

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct span value = span((char const *)data, size);
	struct chunk chunk;
	unsigned notify;

	if (dsn_envid_is_good(value) || dsn_orcpt_is_good(value, 0) || dsn_orcpt_is_good(value, 1))
		decoded_check(value);
	if (dsn_orcpt_is_good(value, 0) && !utf8_is_ascii(value))
		abort();
	if (dsn_notify_parse(&notify, value) == 0) {
		stralloc out = STRALLOC_ZERO;
		unsigned again;

		if (!dsn_notify_append(&out, notify) ||
			dsn_notify_parse(&again, span(out.s, out.len)) == -1 || again != notify)
			abort();
		stralloc_free(&out);
	}
	if (chunk_parse(&chunk, value) == 0 && (size == 0 || data[0] < '0' || data[0] > '9'))
		abort();
	return 0;
}
