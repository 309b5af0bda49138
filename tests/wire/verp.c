#include "wire/verp.h"

#include "tests/tap.h"

static struct {
	char const *sender, *recipient, *want; /* NULL: not a pattern */
} const cases[] = {
	{"list-@lists.example-@[]", "joe@a.example", "list-joe=a.example@lists.example"},
	{"list-owner-@h-@[]", "a@b@c.example", "list-owner-a@b=c.example@h"},
	{"list-@h-@[]", "joe", "list-joe=@h"},
	{"list@h-@[]", "joe@a", NULL},
	{"list-@h", "joe@a", NULL},
	{"-@[]", "joe@a", NULL},
	{"#@[]", "joe@a", NULL},
	{"x-@[]", "joe@a", NULL},
	{"", "joe@a", NULL},
};

int
main(void)
{
	stralloc sa = STRALLOC_ZERO;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct span sender = span_string(cases[i].sender);
		int is_pattern = verp_is_pattern(sender);

		sa.len = 0;
		if (is_pattern)
			verp_expand(&sa, sender, span_string(cases[i].recipient));
		ok(is_pattern == (cases[i].want != NULL) &&
				(!is_pattern ||
					span_equal(span(sa.s, sa.len), span_string(cases[i].want))),
			"sender '%s' for '%s' is %s", cases[i].sender, cases[i].recipient,
			cases[i].want ? cases[i].want : "left as it is");
	}
	stralloc_free(&sa);
	return tap_end();
}
