#include "wire/hopcount.h"

#include "lib/utf8.h"

static int
is_hop(struct hopcount const *count)
{
	struct span name = span(count->name, count->len);

	return span_case_equal(name, SPAN_LITERAL("received")) ||
	       span_case_equal(name, SPAN_LITERAL("delivered-to"));
}

static void
byte_take(struct hopcount *count, char c)
{
	if (c == '\n') {
		count->state = count->state == HOPCOUNT_NAME && count->len == 0 ? HOPCOUNT_BODY
										: HOPCOUNT_NAME;
		count->len = 0;
	} else if (c == ':') {
		if (is_hop(count))
			count->hops++;
		count->state = HOPCOUNT_REST;
	} else if (c == ' ' || c == '\t') {
		count->state = count->len ? HOPCOUNT_BLANK : HOPCOUNT_REST;
	} else if (count->state == HOPCOUNT_BLANK || count->len == sizeof count->name) {
		count->state = HOPCOUNT_REST;
	} else {
		count->name[count->len++] = c;
	}
}

void
hopcount_take(struct hopcount *count, struct span text)
{
	while (text.len && count->state != HOPCOUNT_BODY) {
		if (count->state == HOPCOUNT_REST) {
			size_t end = span_find(text, '\n');

			count->eight_bit |= !utf8_is_ascii(span(text.s, end));
			text = span(text.s + end, text.len - end);
			if (text.len == 0)
				return;
		}
		count->eight_bit |= (unsigned char)text.s[0] > 127;
		byte_take(count, text.s[0]);
		text = span(text.s + 1, text.len - 1);
	}
}
