/*
 * What the check of a client's envelope lets pass can be parsed as a stored
 * one when it has no records of the queue's own, and does not depend on the
 * pieces it came in.
 */
#include <stdint.h>
#include <stdlib.h>

#include "wire/envelope.h"

static enum envelope_state
check(char const *s, size_t len, size_t size, size_t *kept, uint64_t *recipients)
{
	struct envelope_check c = ENVELOPE_CHECK_ZERO;

	*kept = 0;
	for (size_t at = 0; at < len && c.state < ENVELOPE_COMPLETE; at += size) {
		size_t n;

		envelope_check(&c, s + at, len - at < size ? len - at : size, &n);
		*kept += n;
	}
	*recipients = c.recipients;
	return c.state;
}

static uint64_t
count(struct envelope const *e)
{
	struct span recipient;
	size_t position = 0;
	uint64_t n = 0;

	while (envelope_recipient_next(e, &position, &recipient)) {
		if (recipient.len >= ADDRESS_LIMIT)
			abort();
		n++;
	}
	return n;
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	char const *s = (char const *)data;
	struct envelope e;
	uint64_t recipients, again;
	size_t kept, kept_again;
	enum envelope_state state = check(s, size, size + 1, &kept, &recipients);

	if (state != check(s, size, 1 + size % 7, &kept_again, &again) || again != recipients)
		abort();
	if (state < ENVELOPE_TOO_LONG && kept != kept_again)
		abort();
	if (envelope_parse(&e, s, size) == 0 && count(&e) != e.recipients)
		abort();
	if (state != ENVELOPE_COMPLETE)
		return 0;
	if (kept >= size || s[kept] != '\0')
		abort();
	if (envelope_parse(&e, s, kept) == 0) {
		if (e.recipients != recipients)
			abort();
	} else if (s[0] == 'F') {
		abort();
	}
	return 0;
}
