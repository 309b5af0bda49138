#include "policy/domains.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"

static struct {
	char const *recipient;
	int kind;
	char const *address, *domain;
} const cases[] = {
	{"joe@local.example", ADDRESS_LOCAL, "joe@local.example", "local.example"},
	{"Joe@LOCAL.example", ADDRESS_LOCAL, "Joe@LOCAL.example", "LOCAL.example"},
	{"joe", ADDRESS_LOCAL, "joe@local.example", "local.example"},
	{"a@b@local.example", ADDRESS_LOCAL, "a@b@local.example", "local.example"},
	{"joe@remote.example", ADDRESS_REMOTE, "joe@remote.example", "remote.example"},
	{"x@virtual.example", ADDRESS_LOCAL, "alias-v-x@virtual.example", "virtual.example"},
	{"x@sub.virtual.example", ADDRESS_REMOTE, "x@sub.virtual.example", "sub.virtual.example"},
	{"x@a.wild.example", ADDRESS_LOCAL, "wild-x@a.wild.example", "a.wild.example"},
	{"x@wild.example", ADDRESS_REMOTE, "x@wild.example", "wild.example"},
	{"x@not.wild.example", ADDRESS_REMOTE, "x@not.wild.example", "not.wild.example"},
	{"me@person.example", ADDRESS_LOCAL, "fred-me@person.example", "person.example"},
	{"you@person.example", ADDRESS_REMOTE, "you@person.example", "person.example"},
	{"joe%far.example@hack.example", ADDRESS_REMOTE, "joe@far.example", "far.example"},
	{"joe%local.example@hack.example", ADDRESS_LOCAL, "joe@local.example", "local.example"},
	{"joe@hack.example", ADDRESS_REMOTE, "joe@hack.example", "hack.example"},
	{"@local.example", ADDRESS_LOCAL, "@local.example", "local.example"},
};

static struct {
	char const *domain;
	int ours;
} const domains_ours[] = {
	{"local.example", 1},
	{"virtual.example", 1},
	{"a.wild.example", 1},
	{"not.wild.example", 0},
	{"wild.example", 0},
	{"remote.example", 0},
	{"", 0},
};

static void
file_write(char const *name, char const *text)
{
	FILE *f = fopen(name, "w");

	fputs(text, f);
	fclose(f);
}

int
main(void)
{
	static char const *const files[] = {
		"control/me", "control/locals", "control/virtualdomains", "control/percenthack"};
	char dir[] = "/tmp/tern-test-XXXXXX";
	struct domains domains = DOMAINS_ZERO;
	stralloc why = STRALLOC_ZERO, address = STRALLOC_ZERO;
	struct span domain;

	if (!mkdtemp(dir) || chdir(dir) == -1 || mkdir("control", 0700) == -1)
		return 1;
	ok(domains_load(&domains, &why) == -1, "without control/me nothing starts");
	file_write("control/me", "local.example\n");
	ok(domains_load(&domains, &why) == 0 &&
			domains_is_ours(&domains, SPAN_LITERAL("local.example")),
		"without control/locals, me is local");
	file_write("control/locals", "# ours\nlocal.example\n");
	file_write("control/virtualdomains", "virtual.example:alias-v\n.wild.example:wild\n"
					     "not.wild.example:\nme@person.example:fred\n");
	file_write("control/percenthack", "hack.example\n");
	ok(domains_load(&domains, &why) == 0, "the settings load");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int kind =
			domains_route(&domains, span_string(cases[i].recipient), &address, &domain);

		ok(kind == cases[i].kind && strcmp(address.s, cases[i].address) == 0 &&
				span_equal(domain, span_string(cases[i].domain)),
			"%s is %s, domain %.*s", cases[i].recipient, address.s, (int)domain.len,
			domain.s);
	}
	for (size_t i = 0; i < sizeof domains_ours / sizeof domains_ours[0]; i++)
		ok(domains_is_ours(&domains, span_string(domains_ours[i].domain)) ==
				domains_ours[i].ours,
			"mail for '%s' is %sours", domains_ours[i].domain,
			domains_ours[i].ours ? "" : "not ");
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		unlink(files[i]);
	rmdir("control");
	if (chdir("/") == 0)
		rmdir(dir);
	domains_free(&domains);
	stralloc_free(&why);
	stralloc_free(&address);
	return tap_end();
}
