#include "tern/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "lib/clock.h"
#include "lib/exits.h"
#include "lib/json.h"
#include "tern/census.h"
#include "tern/commands.h"
#include "tern/instance.h"
#include "tern/queueaccess.h"
#include "tern/words.h"

#define USAGE "tern status [--json] [DIR]"

enum { STATUS_ALL_READY = 0, STATUS_NOT_READY = 1 };

static void
service_print_text(char const *name, struct service_state const *state)
{
	char since[WORDS_MAX];

	printf("%-8s ", name);
	if (!state->supervised) {
		puts("not running");
		return;
	}
	printf("%-5s %-10s ", state->up ? "up" : "down",
		state->ready    ? "ready"
		: state->up     ? "not ready"
		: state->wanted ? "restarting"
				: "stays down");
	words_span(since, state->since);
	fputs(since, stdout);
	if (state->up)
		printf(", pid %ld", (long)state->pid);
	else if (state->exit_code >= 0)
		printf(", exit code %d; log/%s/current says why", state->exit_code, name);
	putchar('\n');
}

static void
service_print_json(char const *name, struct service_state const *state)
{
	printf("{\"name\":\"%s\",\"up\":%s,\"ready\":%s,\"pid\":%ld,\"seconds\":%llu}", name,
		state->up ? "true" : "false", state->up && state->ready ? "true" : "false",
		(long)state->pid, (unsigned long long)state->since);
}

static uint64_t
census_age(struct census const *census)
{
	uint64_t now = clock_wall();

	return census->messages && now > census->oldest ? (now - census->oldest) / 1000000 : 0;
}

static void
census_print_text(struct census const *census)
{
	char age[WORDS_MAX];

	printf("queue: %llu %s, %llu of them deferred", (unsigned long long)census->messages,
		words_messages(census->messages), (unsigned long long)census->deferred);
	if (census->messages) {
		words_span(age, census_age(census));
		printf(", the oldest %s", age);
	}
	if (census->bad)
		printf("; %llu broken, set aside in queue/bad", (unsigned long long)census->bad);
	putchar('\n');
}

static void
census_print_json(struct census const *census)
{
	printf("\"queue\":{\"messages\":%llu,\"deferred\":%llu,\"bad\":%llu,\"oldest_seconds\":%"
	       "llu}",
		(unsigned long long)census->messages, (unsigned long long)census->deferred,
		(unsigned long long)census->bad, (unsigned long long)census_age(census));
}

static void
print_json_string(char const *text)
{
	stralloc out = STRALLOC_ZERO;

	memory_or_die(json_append_string(&out, span_string(text)) && stralloc_0(&out));
	fputs(out.s, stdout);
	stralloc_free(&out);
}

static int
services_print(struct services const *services, enum status_form form)
{
	int all_ready = services->count > 0;

	for (size_t i = 0; i < services->count; i++) {
		struct service_state state;
		char path[SERVICE_PATH_MAX];

		snprintf(path, sizeof path, "service/%s", services->name[i]);
		service_state_read(&state, path);
		if (!state.up || !state.ready)
			all_ready = 0;
		if (form == STATUS_TEXT)
			service_print_text(services->name[i], &state);
		else {
			if (i)
				putchar(',');
			service_print_json(services->name[i], &state);
		}
	}
	return all_ready;
}

int
status_print(struct services const *services, enum status_form form)
{
	char const *home = getenv("TERNHOME");
	int scan = svscan_runs();
	struct census census;
	int all_ready;

	if (form == STATUS_TEXT) {
		printf("tern: %s %s\n", home ? home : ".",
			scan                  ? "runs"
			: tree_runs(services) ? "has lost its s6-svscan; to mend that: tern up"
					      : "does not run");
		all_ready = services_print(services, form);
		if (census_take(&census) == 0)
			census_print_text(&census);
	} else {
		fputs("{\"home\":", stdout);
		print_json_string(home ? home : ".");
		printf(",\"running\":%s,\"services\":[", scan ? "true" : "false");
		all_ready = services_print(services, form);
		fputs("],", stdout);
		census_take(&census);
		census_print_json(&census);
		puts("}");
	}
	return all_ready && scan ? STATUS_ALL_READY : STATUS_NOT_READY;
}

int
status_main(int argc, char const *const *argv)
{
	static struct services services;
	int json = argc > 1 && strcmp(argv[1], "--json") == 0;

	if (argc > 2 + json || (argc > 1 + json && argv[1 + json][0] == '-'))
		strerr_dieusage(EXIT_PERMANENT, USAGE);
	instance_enter(instance_directory(argv[1 + json]));
	services_list(&services);
	return status_print(&services, json ? STATUS_JSON : STATUS_TEXT);
}
