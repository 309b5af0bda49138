#include "wire/smtppath.h"

#include "tests/tap.h"

static struct {
	char const *address, *path; /* NULL: not possible */
} const cases[] = {
	{"", "<>"},
	{"a@example.org", "<a@example.org>"},
	{"a.b+c@example.org", "<a.b+c@example.org>"},
	{"!#$%&'*+-/=?^_`{|}~@example.org", "<!#$%&'*+-/=?^_`{|}~@example.org>"},
	{"postmaster", "<postmaster>"},
	{"a@[192.0.2.1]", "<a@[192.0.2.1]>"},
	{"a@[IPv6:2001:db8::1]", "<a@[IPv6:2001:db8::1]>"},
	{"a b@example.org", "<\"a b\"@example.org>"},
	{"a@b@example.org", "<\"a@b\"@example.org>"},
	{".a@example.org", "<\".a\"@example.org>"},
	{"a.@example.org", "<\"a.\"@example.org>"},
	{"a..b@example.org", "<\"a..b\"@example.org>"},
	{"a\"b\\c@example.org", "<\"a\\\"b\\\\c\"@example.org>"},
	{"a>b@example.org", "<\"a>b\"@example.org>"},
	{"@example.org", "<\"\"@example.org>"},
	{"j\303\274@example.org", "<j\303\274@example.org>"},
	{"a@b> SIZE=1", NULL},
	{"a@b c", NULL},
	{"a\rb@example.org", NULL},
	{"a\nb@example.org", NULL},
	{"a@example.org\r\nRCPT TO:<b@example.org>", NULL},
	{"a\177@example.org", NULL},
	{"a\tb@example.org", NULL},
};

int
main(void)
{
	stralloc out = STRALLOC_ZERO;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct span address = span_string(cases[i].address);

		out.len = 0;
		if (ok(smtppath_is_possible(address) == (cases[i].path != NULL), "case %zu is %s",
			    i, cases[i].path ? "possible" : "impossible") &&
			cases[i].path) {
			smtppath_append(&out, address);
			same(out.s, out.len, cases[i].path, strlen(cases[i].path), cases[i].path);
		}
	}
	ok(!smtppath_is_possible(span("a\0b@c", 5)), "a NUL");
	ok(!smtppath_is_possible(span("a@b\0c", 5)), "a NUL in the domain");
	stralloc_free(&out);
	return tap_end();
}
