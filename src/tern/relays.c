#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/clock.h"
#include "lib/exits.h"
#include "lib/privilege.h"
#include "net/hosthealth.h"
#include "tern/commands.h"
#include "tern/instance.h"

#define USAGE "tern relays [--json] [DIR] | tern relays forget [--dir DIR] {--all | ADDRESS...}"

static struct hosthealth health;

static void
usage(void)
{
	strerr_dieusage(EXIT_PERMANENT, USAGE);
}

/* Opens what workers remember, as their user. */
static void
memory_open(char const *directory)
{
	instance_enter(instance_directory(directory));
	if (privilege_become_owner("run/remote") == -1)
		strerr_diefusys(EXIT_TEMPORARY, "become the owner of run/remote");
	if (hosthealth_open(&health) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "open ", hosthealth_path);
	hosthealth_read(&health);
}

static int64_t
now_seconds(void)
{
	return (int64_t)(clock_wall() / 1000000);
}

static void
relay_print_text(struct relayhealth const *relay, char const *address, int64_t now)
{
	printf("%s port %u: %u %s", address, (unsigned)relay->port, relay->failures,
		relay->failures == 1 ? "failure" : "failures");
	if (now >= relay->failed)
		printf(", the last %lld s ago", (long long)(now - relay->failed));
	if (relayhealth_is_paused(relay, now))
		printf("; tried last for %lld s\n", (long long)(relayhealth_until(relay) - now));
	else
		puts("; tried again in its turn");
}

static void
relay_print_json(struct relayhealth const *relay, char const *address, int64_t now)
{
	printf("{\"address\":\"%s\",\"port\":%u,\"failures\":%u,\"failed\":%lld,\"until\":%lld,"
	       "\"last\":%s}",
		address, (unsigned)relay->port, relay->failures, (long long)relay->failed,
		(long long)relayhealth_until(relay),
		relayhealth_is_paused(relay, now) ? "true" : "false");
}

static int
by_time(void const *a, void const *b)
{
	struct relayhealth const *first = a, *second = b;

	return (first->failed > second->failed) - (first->failed < second->failed);
}

static int
relays_print(int json)
{
	int64_t now = now_seconds();
	unsigned printed = 0;

	qsort(health.slot, health.length, sizeof health.slot[0], by_time);
	fputs(json ? "{\"relays\":[" : "", stdout);
	for (size_t i = 0; i < health.length; i++) {
		struct relayhealth const *relay = &health.slot[i];
		char address[NETADDRESS_TEXT_MAX];

		if (relay->failures == 0)
			continue;
		netaddress_format(address, &relay->address);
		fputs(json && printed ? "," : "", stdout);
		(json ? relay_print_json : relay_print_text)(relay, address, now);
		printed++;
	}
	if (json)
		puts("]}");
	else if (printed == 0)
		puts("no relay or host has failed since it last worked");
	return EXIT_OK;
}

/* Forgets the failures of an address at any port, of all without one. Returns how many. */
static unsigned
address_forget(struct netaddress const *address)
{
	static struct hosthealth known;
	unsigned count = 0;

	known = health;
	for (size_t i = 0; i < known.length; i++) {
		struct relayhealth const *relay = &known.slot[i];

		if (relay->failures == 0 ||
			(address && memcmp(&relay->address, address, sizeof relay->address) != 0))
			continue;
		hosthealth_forget(&health, &relay->address, relay->port);
		count++;
	}
	return count;
}

static int
forget(char const *const *addresses)
{
	int code = EXIT_OK;

	if (strcmp(addresses[0], "--all") == 0) {
		address_forget(NULL);
		return EXIT_OK;
	}
	for (; *addresses; addresses++) {
		struct netaddress address;

		if (netaddress_parse(&address, span_string(*addresses)) == -1)
			strerr_dief(EXIT_PERMANENT, *addresses,
				" is not an address; tern relays shows which there are");
		if (address_forget(&address) == 0) {
			strerr_warnw("nothing is known of ", *addresses);
			code = 1;
		}
		hosthealth_read(&health);
	}
	return code;
}

static int
forget_main(int argc, char const *const *argv)
{
	char const *directory = NULL;
	int i = 1;

	if (i + 1 < argc && strcmp(argv[i], "--dir") == 0) {
		directory = argv[i + 1];
		i += 2;
	}
	if (i == argc || (argv[i][0] == '-' && (strcmp(argv[i], "--all") != 0 || i + 1 < argc)))
		usage();
	memory_open(directory);
	return forget(argv + i);
}

int
relays_main(int argc, char const *const *argv)
{
	int i = 1, json = 0;

	if (i < argc && strcmp(argv[i], "forget") == 0)
		return forget_main(argc - 1, argv + 1);
	if (i < argc && strcmp(argv[i], "--json") == 0) {
		json = 1;
		i++;
	}
	if (i + 1 < argc || (i < argc && argv[i][0] == '-'))
		usage();
	memory_open(argv[i]);
	return relays_print(json);
}
