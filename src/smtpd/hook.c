#include "smtpd/hook.h"

#include <stdlib.h>

#include <skalibs/stralloc.h>

static char const program[] = "QMAILQUEUE";

/* What our starter said, kept from what a rule says for one client. */
static char const *inherited;
static int is_inherited_known;

/* Returns 0, or -1 without memory. */
static int
variable_set(struct span name, struct span value)
{
	static stralloc a, b;
	int good;

	a.len = b.len = 0;
	good = stralloc_catb(&a, name.s, name.len) && stralloc_0(&a) &&
	       stralloc_catb(&b, value.s, value.len) && stralloc_0(&b);
	return good ? setenv(a.s, b.s, 1) : -1;
}

static void
inherited_learn(void)
{
	if (is_inherited_known)
		return;
	is_inherited_known = 1;
	inherited = getenv(program);
	if (inherited)
		inherited = strdup(inherited);
}

int
hook_is_set(void)
{
	char const *value = getenv(program);

	return value && *value;
}

int
hook_prepare(struct client const *client)
{
	struct span rest = client->variables, name, value;

	inherited_learn();
	if (inherited ? setenv(program, inherited, 1) : unsetenv(program))
		return -1;
	while (access_variable_next(&rest, &name, &value))
		if (span_equal(name, span_string(program)) && variable_set(name, value) == -1)
			return -1;
	if (!hook_is_set())
		return 0;
	rest = client->variables;
	while (access_variable_next(&rest, &name, &value))
		if (variable_set(name, value) == -1)
			return -1;
	if (client->known && setenv("TCPREMOTEIP", client->ip, 1) == -1)
		return -1;
	return setenv("PROTO", "TCP", 1);
}

void
hook_name(struct span name)
{
	if (name.len)
		(void)variable_set(SPAN_LITERAL("TCPREMOTEHOST"), name);
}

int
hook_expect(void)
{
	inherited_learn();
	return setenv(program, "bin/tern-queue", 1);
}
