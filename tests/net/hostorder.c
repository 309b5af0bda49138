#include "net/hostorder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"

enum { NOW = 1700000000, CHOICES = 10000 };

static char folder[] = "/tmp/tern-hostorder.XXXXXX";
static struct hosthealth health;

static struct netaddress
address_of(char const *text)
{
	struct netaddress address = {{0}};

	netaddress_parse(&address, span_string(text));
	return address;
}

static void
failed(char const *address, int64_t when)
{
	struct netaddress a = address_of(address);

	hosthealth_failed(&health, &a, 25, when);
	hosthealth_read(&health);
}

static void
works(char const *address)
{
	struct netaddress a = address_of(address);

	hosthealth_forget(&health, &a, 25);
	hosthealth_read(&health);
}

static struct relayhealth const *
known(char const *address)
{
	struct netaddress a = address_of(address);

	return hosthealth_find(&health, &a, 25);
}

/* "a0 b1": hosts 192.0.2.'a' of rank 0 and so on; the letter is their name, too. */
static void
hosts_set(struct mailhosts *hosts, char const *text)
{
	hosts->length = 0;
	for (; *text; text += 2 + (text[2] == ' ')) {
		struct mailhost *host = &hosts->host[hosts->length++];

		*host = (struct mailhost){.address = address_of("192.0.2.0"), .port = 25};
		host->address.bytes[15] = (unsigned char)text[0];
		host->name.len = 1;
		host->name.text[0] = text[0];
		host->rank = (uint16_t)(text[1] - '0');
	}
}

static void
hosts_text(char *text, struct mailhosts const *hosts)
{
	for (size_t i = 0; i < hosts->length; i++) {
		*text++ = hosts->host[i].name.text[0];
		*text++ = (char)('0' + hosts->host[i].rank);
		*text++ = ' ';
	}
	text[hosts->length ? -1 : 0] = '\0';
}

static struct {
	char const *hosts, *paused;
	char last;
	char const *order;
	int shared;
} const orders[] = {
	{"", "", 0, "", 0},
	{"a0", "", 0, "a0", 0},
	{"a0", "a", 0, "a0", 0},
	{"a0 b1", "", 0, "a0 b1", 0},
	{"a0 b1", "a", 0, "b1 a0", 0},
	{"a0 b1", "ab", 0, "a0 b1", 0},
	{"a0 b1 c2", "ab", 0, "c2 a0 b1", 0},
	{"a0 b1 c2", "b", 0, "a0 c2 b1", 0},
	{"a0 b0", "", 0, "a0 b0", 1},
	{"a0 b0", "", 'a', "b0 a0", 1},
	{"a0 b0", "", 'b', "a0 b0", 1},
	{"a0 b0", "a", 'b', "b0 a0", 0},
	{"a0 b0", "b", 'a', "a0 b0", 0},
	{"a0 b0", "ab", 'a', "b0 a0", 0},
	{"a0 b0 c0", "b", 'a', "c0 a0 b0", 1},
	{"a0 b1 c1", "a", 'b', "c1 b1 a0", 1},
	{"a0 b1 c1", "", 'a', "a0 b1 c1", 0},
	{"a0 a0 b0", "", 'a', "b0 a0 a0", 1},
	{"a0 a0", "", 'a', "a0 a0", 0},
};

static void
test_orders(void)
{
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		struct mailhosts hosts;
		struct mailhost last = {.port = 25, .name = {1, {orders[i].last}}};
		char text[MAILHOSTS_MAX * 3 + 1];
		int shared;

		health = (struct hosthealth){.fd = -1};
		for (char const *p = orders[i].paused; *p; p++) {
			struct relayhealth *slot = &health.slot[health.length++];

			*slot = (struct relayhealth){address_of("192.0.2.0"), 25, 1, NOW - 5};
			slot->address.bytes[15] = (unsigned char)*p;
		}
		hosts_set(&hosts, orders[i].hosts);
		shared = hostorder(&hosts, &health, orders[i].last ? &last : NULL, NOW);
		hosts_text(text, &hosts);
		ok(strcmp(text, orders[i].order) == 0 && shared == orders[i].shared,
			"'%s', paused '%s': '%s'", orders[i].hosts, orders[i].paused, text);
	}
}

/* Equals of a route, chosen by the code that sends. turns: by one worker that goes round. */
static void
test_balance(char const *relays, unsigned equals, int turns)
{
	static struct resolver resolver;
	static struct mailhosts hosts;
	struct mailhosts_settings settings = {.port = 25};
	struct mailhost last;
	struct route route;
	char const *reason;
	unsigned count[8] = {0}, good = 0, expected = CHOICES / equals;
	stralloc why = STRALLOC_ZERO;

	health = (struct hosthealth){.fd = -1};
	if (route_parse(&route, span_string(relays), &reason) == -1)
		exit(1);
	for (unsigned i = 0; i < CHOICES; i++) {
		mailhosts_find(
			&hosts, &resolver, span_string("x.example"), &route, &settings, &why);
		hostorder(&hosts, &health, turns && i ? &last : NULL, NOW);
		last = hosts.host[0];
		count[last.address.bytes[15] % 8]++;
	}
	for (unsigned i = 0; i < 8; i++)
		good += count[i] >= expected * 9 / 10 && count[i] <= expected * 11 / 10;
	ok(good == equals, "%s: %u messages%s, each its part within a tenth", relays, CHOICES,
		turns ? " in turn" : "");
	if (good != equals)
		for (unsigned i = 0; i < 8; i++)
			printf("# %u\n", count[i]);
	stralloc_free(&why);
}

static off_t
file_size(void)
{
	struct stat st;

	return stat(hosthealth_path, &st) == 0 ? st.st_size : -1;
}

static void
test_memory(void)
{
	struct hosthealth other;

	ok(hosthealth_open(&health) == 0 && file_size() == 0, "the file is made, and is empty");
	hosthealth_read(&health);
	ok(!known("192.0.2.1"), "nothing is known");
	works("192.0.2.1");
	ok(file_size() == 0, "what works is not written down");
	failed("192.0.2.1", NOW);
	failed("2001:db8::1", NOW + 1);
	ok(known("192.0.2.1") && known("192.0.2.1")->failures == 1 && known("2001:db8::1"),
		"failures are remembered");
	ok(file_size() == 2 * RELAYHEALTH_SLOT, "in two slots");
	failed("192.0.2.1", NOW + 59);
	ok(known("192.0.2.1")->failures == 1 && known("192.0.2.1")->failed == NOW,
		"one that is paused and fails again: no news");
	failed("192.0.2.1", NOW + 60);
	ok(known("192.0.2.1")->failures == 2, "after the pause it is");
	ok(hosthealth_open(&other) == 0 && (hosthealth_read(&other), other.length == 2),
		"another process knows it too");
	works("192.0.2.1");
	ok(!known("192.0.2.1") && known("2001:db8::1"), "what works again is forgotten");
	failed("192.0.2.9", NOW);
	ok(file_size() == 2 * RELAYHEALTH_SLOT && known("192.0.2.9"), "its slot is used again");
	failed("192.0.2.9", NOW - 100);
	ok(known("192.0.2.9")->failed == NOW - 100, "a clock that was put back");
	close(other.fd);
}

static void
test_full(void)
{
	char address[32];

	for (int i = 0; i < HOSTHEALTH_SLOTS + 10; i++) {
		snprintf(address, sizeof address, "198.51.%d.%d", i / 250, i % 250 + 1);
		failed(address, NOW + 10000 + i);
	}
	ok(file_size() == HOSTHEALTH_SLOTS * RELAYHEALTH_SLOT, "the file has a most");
	ok(known(address) && !known("198.51.0.1") && known("198.51.0.20"),
		"what failed longest ago made room");
}

static void
file_write(char const *text, size_t len)
{
	int fd = open(hosthealth_path, O_WRONLY | O_TRUNC);

	ok(fd != -1 && write(fd, text, len) == (ssize_t)len, "a file of %u bytes", (unsigned)len);
	close(fd);
}

/* Whatever is in the file: it is used for what it is worth, and again from then on. */
static void
test_damage(void)
{
	static char large[HOSTHEALTH_SLOTS * RELAYHEALTH_SLOT * 2];
	char slot[RELAYHEALTH_SLOT];
	struct relayhealth one = {address_of("192.0.2.1"), 25, 1, NOW};

	for (size_t i = 0; i < sizeof large; i++)
		large[i] = (char)(i * 7919 >> 3);
	file_write(large, sizeof large);
	failed("192.0.2.7", NOW);
	ok(known("192.0.2.7") && health.length == HOSTHEALTH_SLOTS, "of another kind, and long");
	relayhealth_format(slot, &one);
	file_write(slot, RELAYHEALTH_SLOT - 1);
	hosthealth_read(&health);
	ok(health.length == 0, "cut off in a slot");
	failed("192.0.2.1", NOW);
	ok(known("192.0.2.1") && file_size() == RELAYHEALTH_SLOT, "is written over");
	close(health.fd);
	ok(unlink(hosthealth_path) == 0 && mkfifo(hosthealth_path, 0600) == 0 &&
			hosthealth_open(&health) == -1,
		"a pipe is no file");
	failed("192.0.2.1", NOW);
	ok(!known("192.0.2.1"), "then nothing is remembered");
	ok(unlink(hosthealth_path) == 0 && symlink("elsewhere", hosthealth_path) == 0 &&
			hosthealth_open(&health) == -1 &&
			access("run/remote/elsewhere", F_OK) == -1,
		"nor is a link");
	unlink(hosthealth_path);
	rmdir("run/remote");
	ok(hosthealth_open(&health) == -1, "nor anything without the folder");
	mkdir("run/remote", 0700);
}

/* As an ordinary user, since root makes no file. */
static void
folder_enter(void)
{
	if (!mkdtemp(folder) || (geteuid() == 0 && chown(folder, 65534, 65534) == -1) ||
		(geteuid() == 0 && setuid(65534) == -1) || chdir(folder) == -1 ||
		mkdir("run", 0700) == -1 || mkdir("run/remote", 0700) == -1) {
		puts("Bail out! no folder to work in");
		exit(1);
	}
}

static void
folder_leave(void)
{
	unlink(hosthealth_path);
	rmdir("run/remote");
	rmdir("run");
	if (chdir("/") == 0)
		rmdir(folder);
}

int
main(void)
{
	folder_enter();
	test_orders();
	test_balance("192.0.2.1+192.0.2.2", 2, 0);
	test_balance("192.0.2.1+192.0.2.2+192.0.2.3+192.0.2.4+192.0.2.5", 5, 0);
	test_balance("192.0.2.1+192.0.2.2", 2, 1);
	test_balance("192.0.2.1+192.0.2.2+192.0.2.3,192.0.2.4", 3, 1);
	test_memory();
	test_full();
	test_damage();
	folder_leave();
	return tap_end();
}
