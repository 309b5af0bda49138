/*
 * Any bytes as a header: the parts of a field lie inside it, fields follow one
 * another without a gap, and an address that was found survives being written
 * and read again.
 */
#include "wire/header.h"

#include <stdint.h>
#include <stdlib.h>

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void
written_check(struct span plain)
{
	stralloc text = STRALLOC_ZERO, again = STRALLOC_ZERO;
	struct header_address a = {.plain = &again};
	struct header_addresses list;

	CHECK(header_address_append(&text, plain));
	list = (struct header_addresses){span(text.s, text.len), 0};
	if (plain.len && header_address_next(&list, &a) == HEADER_ADDRESS)
		CHECK(span_equal(span(again.s, again.len), plain));
	stralloc_free(&text);
	stralloc_free(&again);
}

static void
body_check(struct span body)
{
	struct header_addresses list = {body, 0};
	stralloc plain = STRALLOC_ZERO;
	struct header_address a = {.plain = &plain};

	while (header_address_next(&list, &a) == HEADER_ADDRESS) {
		CHECK(a.begin <= a.end && a.end <= body.len && list.position <= body.len);
		CHECK(a.domain <= plain.len && (!a.has_domain || plain.s[a.domain - 1] == '@'));
		if (a.has_domain)
			written_check(span(plain.s, plain.len));
	}
	CHECK(list.position <= body.len);
	stralloc_free(&plain);
}

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct span rest = span((char const *)data, size);
	struct header_field f;
	stralloc name = STRALLOC_ZERO;

	header_phrase_append(&name, rest);
	header_comment_append(&name, rest);
	for (char const *at = rest.s; header_field_next(&f, &rest); at = rest.s) {
		CHECK(f.whole.s == at && f.whole.s + f.whole.len == rest.s);
		CHECK(f.body.s + f.body.len == rest.s && f.name.len <= HEADER_NAME_MAX);
		body_check(f.body);
	}
	body_check(rest);
	stralloc_free(&name);
	return 0;
}
