#include <stdint.h>
#include <stdlib.h>

#include "wire/smtpreply.h"

/* A stream of replies gives the same, whole or cut in two; and never what can not be shown. */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

static void
check(struct smtpreply const *reply)
{
	if (reply->lines > SMTPREPLY_LINES_MAX || reply->line.len > SMTPREPLY_LINE_MAX)
		abort();
	if (reply->status == SMTPREPLY_COMPLETE && (reply->code < 200 || reply->code > 599))
		abort();
	for (size_t i = 0; i < reply->text.len; i++)
		if (reply->text.s[i] != '\n' && (reply->text.s[i] < ' ' || reply->text.s[i] > '~'))
			abort();
}

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	static struct smtpreply whole = SMTPREPLY_ZERO, pieces = SMTPREPLY_ZERO;
	struct span rest = span((char const *)data, size);
	size_t used, first, second = 0;

	while (rest.len) {
		struct span head = span(rest.s, rest.len * data[0] / 256);

		smtpreply_start(&whole);
		smtpreply_start(&pieces);
		smtpreply_feed(&whole, rest, &used);
		smtpreply_feed(&pieces, head, &first);
		if (first == head.len)
			smtpreply_feed(&pieces, span(rest.s + first, rest.len - first), &second);
		else
			second = 0;
		check(&whole);
		check(&pieces);
		if (whole.status != pieces.status)
			abort();
		if (whole.status != SMTPREPLY_COMPLETE)
			break;
		if (used != first + second || whole.code != pieces.code ||
			whole.text.len != pieces.text.len)
			abort();
		rest = span(rest.s + used, rest.len - used);
	}
	return 0;
}
