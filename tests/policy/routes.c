#include "policy/routes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/tap.h"

/* Works in a directory of its own, with a control folder. */
static char home[] = "/tmp/tern-routes.XXXXXX";

static void
write_file(char const *path, char const *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd == -1 || write(fd, text, len) != (ssize_t)len || close(fd) == -1) {
		printf("Bail out! can not write %s\n", path);
		exit(1);
	}
}

/* Makes a file look as if it had been written so many seconds ago. */
static void
age(char const *path, time_t seconds)
{
	struct timespec const times[2] = {
		{.tv_sec = time(NULL) - seconds}, {.tv_sec = time(NULL) - seconds}};

	utimensat(AT_FDCWD, path, times, 0);
}

/* What a domain's route is: "file:line relays" or "error: why". */
static char const *
route_from(struct routes const *routes, char const *sender, char const *domain)
{
	static char text[1024];
	static char const *const sources[] = {"mx", "smtproutes", "relayhost", "senderroutes"};
	struct route_match match;
	stralloc why = STRALLOC_ZERO;
	int len;

	if (routes_find(routes, sender ? span_string(sender) : span(NULL, 0), span_string(domain),
		    &match, &why) == -1) {
		snprintf(text, sizeof text, "error: %.*s", (int)why.len, why.s);
		stralloc_free(&why);
		return text;
	}
	len = snprintf(text, sizeof text, "%s:%u", sources[match.source], match.line);
	for (size_t i = 0; i < match.route.relays; i++)
		len += snprintf(text + len, sizeof text - (size_t)len, " %.*s:%u/%u",
			(int)match.route.relay[i].host.len, match.route.relay[i].host.s,
			match.route.relay[i].port, match.route.relay[i].rank);
	if (match.sender_line && match.source != ROUTE_SENDERROUTES)
		len += snprintf(text + len, sizeof text - (size_t)len, " by %u", match.sender_line);
	if (match.route.bound[ROUTE_V4])
		len += snprintf(text + len, sizeof text - (size_t)len, " from .%u",
			match.route.source[ROUTE_V4].bytes[15]);
	if (match.route.bound[ROUTE_V6])
		len += snprintf(text + len, sizeof text - (size_t)len, " from :%u",
			match.route.source[ROUTE_V6].bytes[15]);
	if (match.route.helo.len)
		snprintf(text + len, sizeof text - (size_t)len, " as %.*s",
			(int)match.route.helo.len, match.route.helo.s);
	return text;
}

static void
expect_from(struct routes const *routes, char const *sender, char const *domain, char const *want)
{
	char const *got = route_from(routes, sender, domain);

	if (!ok(strcmp(got, want) == 0, "from '%s', '%s' goes to %s", sender, domain, want))
		printf("# got %s\n", got);
}

static void
expect(struct routes const *routes, char const *domain, char const *want)
{
	char const *got = route_from(routes, NULL, domain);

	if (!ok(strcmp(got, want) == 0, "'%s' goes to %s", domain, want))
		printf("# got %s\n", got);
}

static char const table[] = "# a comment\n"
			    "full.example:one\n"
			    ".example:two:26\n"
			    ".deep.example:three\n"
			    "mx.example:\n"
			    "no colon here\n"
			    "twice.test:first\n"
			    "TWICE.Test:second\n"
			    "bad.test:relay:99999\n"
			    ".bad.test:good\n"
			    "[192.0.2.7]:seven\n"
			    ".0.2.8]:eight\n"
			    "list.test:a:1+b:2,[2001:db8::1]:3\n"
			    "blank.test:trailing   \n"
			    "option.test:relay auth=me\n"
			    "colons.test:h:25:26\n"
			    ".mx.example:below\n"
			    ":default:25\n";

static void
test_answers(struct routes *routes)
{
	expect(routes, "full.example", "smtproutes:2 one:25/0");
	expect(routes, "FULL.Example", "smtproutes:2 one:25/0");
	expect(routes, "other.example", "smtproutes:3 two:26/0");
	expect(routes, "x.full.example", "smtproutes:3 two:26/0");
	expect(routes, "x.deep.example", "smtproutes:4 three:25/0");
	expect(routes, "deep.example", "smtproutes:3 two:26/0");
	expect(routes, "a.b.c.deep.example", "smtproutes:4 three:25/0");
	expect(routes, "example", "smtproutes:18 default:25/0");
	expect(routes, "mx.example", "mx:5");
	expect(routes, "x.mx.example", "smtproutes:17 below:25/0");
	expect(routes, "twice.test", "smtproutes:8 second:25/0");
	expect(routes, "no colon here", "smtproutes:18 default:25/0");
	expect(routes, "bad.test",
		"error: control/smtproutes:9: the port is not a number from 1 to 65535: "
		"relay:99999");
	expect(routes, "x.bad.test", "smtproutes:10 good:25/0");
	expect(routes, "[192.0.2.7]", "smtproutes:11 seven:25/0");
	expect(routes, "[192.0.2.8]", "smtproutes:12 eight:25/0");
	expect(routes, "[10.0.2.8]", "smtproutes:12 eight:25/0");
	expect(routes, "[192.0.2.9]", "smtproutes:18 default:25/0");
	expect(routes, "list.test", "smtproutes:13 a:1/0 b:2/0 2001:db8::1:3/1");
	expect(routes, "blank.test", "smtproutes:14 trailing:25/0");
	expect(routes, "option.test",
		"error: control/smtproutes:15: it has an option that is not known: relay auth=me");
	expect(routes, "colons.test",
		"error: control/smtproutes:16: two colons: an IPv6 address must stand in brackets: "
		"h:25:26");
	expect(routes, "", "smtproutes:18 default:25/0");
	expect(routes, "anything.at.all", "smtproutes:18 default:25/0");
	expect(routes, "trailing.", "smtproutes:18 default:25/0");
}

static void
test_lookup(struct routes *routes)
{
	stralloc why = STRALLOC_ZERO;

	write_file("control/smtproutes", table, sizeof table - 1);
	ok(routes_refresh(routes, &why) == 0, "the table is read");
	test_answers(routes);
	stralloc_free(&why);
}

static void
test_relayhost(struct routes *routes)
{
	stralloc why = STRALLOC_ZERO;

	write_file("control/relayhost", "hub:587,[2001:db8::1]\n", 22);
	ok(routes_refresh(routes, &why) == 0, "relayhost is read");
	expect(routes, "full.example", "relayhost:1 hub:587/0 2001:db8::1:25/1");
	expect(routes, "bad.test", "relayhost:1 hub:587/0 2001:db8::1:25/1");
	write_file("control/relayhost", "hub:0\n", 6);
	routes_refresh(routes, &why);
	expect(routes, "full.example",
		"error: control/relayhost:1: the port is not a number from 1 to 65535: hub:0");
	write_file("control/relayhost", "\n", 1);
	routes_refresh(routes, &why);
	expect(routes, "full.example", "smtproutes:2 one:25/0");
	unlink("control/relayhost");
	ok(routes_refresh(routes, &why) == 0, "relayhost is gone");
	expect(routes, "full.example", "smtproutes:2 one:25/0");
	stralloc_free(&why);
}

static void
test_refresh(struct routes *routes)
{
	stralloc why = STRALLOC_ZERO;

	write_file("control/smtproutes", "a:one\n", 6);
	routes_refresh(routes, &why);
	expect(routes, "a", "smtproutes:1 one:25/0");
	/* Two changes in one tick of the clock, with the same size, in the same file. */
	write_file("control/smtproutes", "a:two\n", 6);
	routes_refresh(routes, &why);
	expect(routes, "a", "smtproutes:1 two:25/0");
	/* A change between two looks at a file that has long been at rest. */
	age("control/smtproutes", 100);
	routes_refresh(routes, &why);
	write_file("control/new", "a:ten\n", 6);
	age("control/new", 100);
	rename("control/new", "control/smtproutes");
	routes_refresh(routes, &why);
	expect(routes, "a", "smtproutes:1 ten:25/0");
	write_file("control/smtproutes", "a:\0\n", 4);
	ok(routes_refresh(routes, &why) == -1, "a file with a NUL can not be read");
	ok(why.len > 20 && memcmp(why.s, "control/smtproutes:1:", 21) == 0,
		"and the file and line are said");
	expect(routes, "a", "smtproutes:1 ten:25/0");
	unlink("control/smtproutes");
	mkdir("control/smtproutes", 0755);
	ok(routes_refresh(routes, &why) == -1, "nor can a directory");
	rmdir("control/smtproutes");
	ok(routes_refresh(routes, &why) == 0, "a file that is gone is empty");
	expect(routes, "a", "mx:0");
	stralloc_free(&why);
}

static char const senders[] = "# a comment\n"
			      "ann@one.test:a:1\n"
			      "@one.test:b:2\n"
			      ".one.test:c:3\n"
			      "@two.test: bind=192.0.2.9 helo=two.test\n"
			      "bob@two.test:\n"
			      "@bad.test:relay:0\n"
			      "@three.test: helo=three.test\n"
			      "Twice@four.test:x\n"
			      "twice@four.test:y\n";

static char const with_options[] = "!@:bounces:26\n"
				   "mx.test:\n"
				   "opt.test:d bind=192.0.2.1 bind=2001:db8::2 helo=opt.test\n"
				   ":z\n";

static void
test_senders(struct routes *routes)
{
	stralloc why = STRALLOC_ZERO;

	write_file("control/senderroutes", senders, sizeof senders - 1);
	write_file("control/smtproutes", with_options, sizeof with_options - 1);
	ok(routes_refresh(routes, &why) == 0, "senderroutes is read");
	expect_from(routes, "ann@one.test", "x", "senderroutes:2 a:1/0");
	expect_from(routes, "ANN@One.Test", "mx.test", "senderroutes:2 a:1/0");
	expect_from(routes, "bob@one.test", "x", "senderroutes:3 b:2/0");
	expect_from(routes, "ann@sub.one.test", "x", "senderroutes:4 c:3/0");
	expect_from(routes, "ann@b.sub.one.test", "x", "senderroutes:4 c:3/0");
	expect_from(routes, "ann@xone.test", "x", "smtproutes:4 z:25/0");
	expect_from(routes, "one.test", "x", "smtproutes:4 z:25/0");
	expect_from(routes, "a@b@one.test", "x", "senderroutes:3 b:2/0");
	expect_from(routes, "a@two.test", "x", "smtproutes:4 z:25/0 by 5 from .9 as two.test");
	expect_from(routes, "a@two.test", "mx.test", "mx:2 by 5 from .9 as two.test");
	expect_from(
		routes, "a@two.test", "opt.test", "smtproutes:3 d:25/0 by 5 from .9 as two.test");
	expect_from(routes, "bob@two.test", "x", "smtproutes:4 z:25/0 by 6");
	expect_from(routes, "a@three.test", "opt.test",
		"smtproutes:3 d:25/0 by 8 from .1 from :2 as three.test");
	expect_from(routes, "twice@four.test", "x", "senderroutes:10 y:25/0");
	expect_from(routes, "a@bad.test", "x",
		"error: control/senderroutes:7: the port is not a number from 1 to 65535: relay:0");
	expect_from(routes, "", "mx.test", "smtproutes:1 bounces:26/0");
	expect_from(routes, NULL, "mx.test", "mx:2");
	expect_from(
		routes, "a@x.test", "opt.test", "smtproutes:3 d:25/0 from .1 from :2 as opt.test");
	write_file("control/relayhost", "hub bind=192.0.2.5\n", 19);
	routes_refresh(routes, &why);
	expect_from(routes, "ann@one.test", "x", "relayhost:1 hub:25/0 from .5");
	expect_from(routes, "", "x", "relayhost:1 hub:25/0 from .5");
	unlink("control/relayhost");
	write_file("control/senderroutes", ":all\n", 5);
	routes_refresh(routes, &why);
	expect_from(routes, "nobody", "x", "senderroutes:1 all:25/0");
	expect_from(routes, "a@b", "x", "senderroutes:1 all:25/0");
	expect_from(routes, "", "mx.test", "smtproutes:1 bounces:26/0");
	unlink("control/senderroutes");
	write_file("control/smtproutes", "!@:\n:z\n", 7);
	routes_refresh(routes, &why);
	expect_from(routes, "", "x", "mx:1");
	expect_from(routes, "a@b", "x", "smtproutes:2 z:25/0");
	stralloc_free(&why);
}

/* Makes the value of a key in the compiled file longer than the file; its stamp will differ. */
static void
damage_length(char const *key)
{
	static char bytes[8192];
	int fd = open("control/smtproutes.cdb", O_RDWR);
	ssize_t n = read(fd, bytes, sizeof bytes);

	for (ssize_t i = 8; i < n; i++)
		if (memcmp(bytes + i, key, strlen(key)) == 0) {
			(void)!pwrite(fd, "\0\0\1\0", 4, i - 4);
			break;
		}
	close(fd);
	age("control/smtproutes.cdb", 40);
}

/* The same answers as from the text. */
static void
test_compiled(struct routes *routes)
{
	stralloc why = STRALLOC_ZERO;
	struct stat st;

	write_file("control/smtproutes", table, sizeof table - 1);
	age("control/smtproutes", 100);
	ok(routetable_compiled_state() == ROUTETABLE_NONE, "nothing is compiled");
	ok(routetable_compile(&why) == 15, "15 keys are compiled");
	ok(routetable_compiled_state() == ROUTETABLE_CURRENT, "it is of this text");
	routes_refresh(routes, &why);
	ok(routes->table.is_compiled, "and it is used");
	test_answers(routes);
	age("control/smtproutes.cdb", 50);
	routes_refresh(routes, &why);
	ok(routes->table.is_compiled, "still after another look");
	write_file("control/smtproutes", "full.example:new\n", 17);
	routes_refresh(routes, &why);
	ok(!routes->table.is_compiled, "a text that has changed goes before it");
	expect(routes, "full.example", "smtproutes:1 new:25/0");
	expect(routes, "other.example", "mx:0");
	ok(routetable_compiled_state() == ROUTETABLE_STALE, "what is compiled is stale");
	/* The same size, another time. */
	write_file("control/smtproutes", table, sizeof table - 1);
	age("control/smtproutes", 99);
	routes_refresh(routes, &why);
	ok(!routes->table.is_compiled, "also a text of the same size");
	age("control/smtproutes", 30);
	ok(routetable_compile(&why) == 15, "it is compiled anew");
	routes_refresh(routes, &why);
	ok(routes->table.is_compiled, "and used");
	damage_length("full.example");
	routes_refresh(routes, &why);
	ok(routes->table.is_compiled, "a value that leaves the file is seen when it is looked up");
	expect(routes, "full.example",
		"error: control/smtproutes.cdb: is damaged; make it anew with: tern routes "
		"compile");
	write_file("control/smtproutes.cdb", "damaged", 7);
	routes_refresh(routes, &why);
	ok(!routes->table.is_compiled, "a damaged one is not");
	expect(routes, "full.example", "smtproutes:2 one:25/0");
	routetable_compile(&why);
	unlink("control/smtproutes");
	routes_refresh(routes, &why);
	ok(!routes->table.is_compiled, "without the text it counts for nothing");
	expect(routes, "full.example", "mx:0");
	ok(routetable_compile(&why) == -1 && why.len, "nor can nothing be compiled");
	ok(stat("control/smtproutes.cdb.new", &st) == -1, "and nothing is left behind");
	unlink("control/smtproutes.cdb");
	stralloc_free(&why);
}

static void
test_compiled_limits(struct routes *routes)
{
	static char line[ROUTETABLE_KEY_MAX + 10];
	stralloc why = STRALLOC_ZERO;

	memset(line, 'a', sizeof line);
	for (int over = -1; over <= 1; over++) {
		memcpy(line + ROUTETABLE_KEY_MAX + over, ":z\n", 3);
		write_file("control/smtproutes", line, (size_t)(ROUTETABLE_KEY_MAX + over + 3));
		age("control/smtproutes", 100 + over);
		ok((routetable_compile(&why) == 1) == (over < 1), "a key of %d bytes",
			ROUTETABLE_KEY_MAX + over);
		line[ROUTETABLE_KEY_MAX + over] = '\0';
		routes_refresh(routes, &why);
		ok(routes->table.is_compiled == (over < 1), "is used if so");
		expect(routes, line, "smtproutes:1 z:25/0");
		memset(line, 'a', sizeof line);
	}
	unlink("control/smtproutes");
	unlink("control/smtproutes.cdb");
	stralloc_free(&why);
}

int
main(void)
{
	struct routes routes = ROUTES_ZERO;

	if (!mkdtemp(home) || chdir(home) == -1 || mkdir("control", 0755) == -1) {
		printf("Bail out! no directory to work in\n");
		return 1;
	}
	expect(&routes, "a", "mx:0");
	test_lookup(&routes);
	test_relayhost(&routes);
	test_refresh(&routes);
	test_senders(&routes);
	test_compiled(&routes);
	test_compiled_limits(&routes);
	routes_free(&routes);
	if (chdir("/") == 0 && rmdir(strcat(strcpy((char[64]){0}, home), "/control")) == 0)
		rmdir(home);
	return tap_end();
}
