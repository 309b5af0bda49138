#include "policy/access.h"

#include <stdlib.h>
#include <unistd.h>

#include <sys/stat.h>

#include "tests/tap.h"

static struct {
	char const *line;
	int result;
	int bits, allow;
} const rules[] = {
	{":allow", 0, -1, 1},
	{":deny", 0, -1, 0},
	{"192.0.2.1:allow", 0, 128, 1},
	{"192.0.2.1-8:deny", 0, 128, 0},
	{"127.:allow,RELAYCLIENT=\"\"", 0, 104, 1},
	{"10.2-3.:deny", 0, 112, 0},
	{"10.0.0.0/8:allow", 0, 104, 1},
	{"0.0.0.0/0:allow", 0, 96, 1},
	{"192.0.2.1/32:allow", 0, 128, 1},
	{"2001:db8::1:deny", 0, 128, 0},
	{"[2001:db8::1]:deny", 0, 128, 0},
	{"2001:db8::/32:allow,RELAYCLIENT=\"\",DATABYTES=\"5\"", 0, 32, 1},
	{"[2001:db8::]/32:allow", 0, 32, 1},
	{"::/0:deny", 0, 0, 0},
	{"::1:allow,X=/a:deny,b/", 0, 128, 1},
	{"1.2.3.4:ALLOW", 0, 128, 1},
	{"", -1, 0, 0},
	{"127.", -1, 0, 0},
	{"127.:", -1, 0, 0},
	{"127.:maybe", -1, 0, 0},
	{"127.:allowed", -1, 0, 0},
	{"127:allow", -1, 0, 0},
	{"127.0.0:allow", -1, 0, 0},
	{"1.2.3.4.:allow", -1, 0, 0},
	{"1.2.3.4.5:allow", -1, 0, 0},
	{"1..3.:allow", -1, 0, 0},
	{".:allow", -1, 0, 0},
	{"1.2.3.256:allow", -1, 0, 0},
	{"1.2.3.8-7:allow", -1, 0, 0},
	{"1.2.3.4-:allow", -1, 0, 0},
	{"1.2.3.4-256:allow", -1, 0, 0},
	{"1.2-3.4.5:allow", -1, 0, 0},
	{"10.0.0.0/33:allow", -1, 0, 0},
	{"10.0.0.0/:allow", -1, 0, 0},
	{"10.0.0.0/-1:allow", -1, 0, 0},
	{"10.0.0.1/8:allow", -1, 0, 0},
	{"10./8:allow", -1, 0, 0},
	{"2001:db8::1/32:allow", -1, 0, 0},
	{"2001:db8::/129:allow", -1, 0, 0},
	{"=example.org:allow", -1, 0, 0},
	{"user@192.0.2.1:allow", -1, 0, 0},
	{"host:allow", -1, 0, 0},
	{":allow,", -1, 0, 0},
	{":allow,X", -1, 0, 0},
	{":allow,X=", -1, 0, 0},
	{":allow,X=\"", -1, 0, 0},
	{":allow,X=\"a", -1, 0, 0},
	{":allow,X=\"a\"b", -1, 0, 0},
	{":allow,X=\"a\",", -1, 0, 0},
	{":allow,=\"a\"", -1, 0, 0},
	{":allow,DATABYTES=\"x\"", -1, 0, 0},
	{":allow,DATABYTES=\"-1\"", -1, 0, 0},
};

static char const table[] = "# who may relay\n"
			    "127.:allow,RELAYCLIENT=\"\"\n"
			    "\n"
			    "10.0.0.0/8:allow,A=\"1\"\n"
			    "10.1.:allow,A=\"2\"\n"
			    "10.1.2.0/24:allow,A=\"3\"\n"
			    "10.1.2.3:deny\n"
			    "10.1.2.3:allow\n"
			    "10.1.2.4-6:deny\n"
			    "2001:db8::/32:allow,RELAYCLIENT=\"@x\",DATABYTES=\"12\"\n"
			    "::/0:deny\n"
			    ":allow,A=\"default\"\n";

static struct {
	char const *client;
	unsigned line;
} const lookups[] = {
	{"127.0.0.1", 2},
	{"127.255.255.255", 2},
	{"128.0.0.0", 12},
	{"10.2.0.0", 4},
	{"10.255.255.255", 4},
	{"10.1.255.255", 5},
	{"10.1.2.7", 6},
	{"10.1.2.3", 7},
	{"10.1.2.4", 9},
	{"10.1.2.6", 9},
	{"2001:db8:ffff::1", 10},
	{"2001:db9::1", 11},
	{"::ffff:127.0.0.1", 2},
	{"192.0.2.1", 12},
};

static void
file_write(char const *text)
{
	FILE *f = fopen("control/access", "w");

	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static void
check_rule(size_t i)
{
	struct access_rule rule;
	char const *reason = NULL;
	int r = access_rule_parse(&rule, span_string(rules[i].line), &reason);

	ok(r == rules[i].result &&
			(r == -1 ? reason != NULL
				 : rule.bits == rules[i].bits && rule.allow == rules[i].allow),
		"rule '%s'", rules[i].line);
}

static void
check_table(void)
{
	struct access access = ACCESS_ZERO;
	struct access_rule const *rule;
	stralloc why = STRALLOC_ZERO;
	struct netaddress client;
	struct span value;

	netaddress_parse(&client, SPAN_LITERAL("192.0.2.1"));
	ok(access_load(&access, &why) == 0 && !access_find(&access, &client),
		"without the file there is no rule");
	file_write(table);
	ok(access_load(&access, &why) == 0, "the table loads");
	for (size_t i = 0; i < sizeof lookups / sizeof lookups[0]; i++) {
		netaddress_parse(&client, span_string(lookups[i].client));
		rule = access_find(&access, &client);
		ok(rule && rule->line == lookups[i].line, "%s finds line %u", lookups[i].client,
			lookups[i].line);
	}
	netaddress_parse(&client, SPAN_LITERAL("2001:db8::5"));
	rule = access_find(&access, &client);
	ok(access_variable(rule, "RELAYCLIENT", &value) && span_equal(value, SPAN_LITERAL("@x")),
		"the first variable");
	ok(access_variable(rule, "DATABYTES", &value) && span_equal(value, SPAN_LITERAL("12")),
		"the second variable");
	ok(!access_variable(rule, "RELAY", &value), "a variable that is not there");

	file_write("127.:allow\n\n127.0:allow\n");
	ok(access_load(&access, &why) == -1, "a bad line is an error");
	stralloc_0(&why);
	ok(strncmp(why.s, "control/access:3: ", 18) == 0, "that names file and line: %s", why.s);
	ok(access_find(&access, &client) != NULL, "and the rules before stay");
	stralloc_free(&why);
	access_free(&access);
}

int
main(void)
{
	char directory[] = "/tmp/tern-access-XXXXXX";

	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
		check_rule(i);
	if (!mkdtemp(directory) || chdir(directory) == -1 || mkdir("control", 0700) == -1)
		return 1;
	check_table();
	unlink("control/access");
	rmdir("control");
	rmdir(directory);
	return tap_end();
}
