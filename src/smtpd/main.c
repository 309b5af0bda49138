/*
 * tern-smtpd - speaks SMTP with strangers
 *
 * Two ways. As a command it is started by a UCSPI superserver (tcpserver,
 * s6-tcpserver) for one client; as a service (tern-smtpd -s [-d readyfd]) by
 * tern-listen, as the owner of run/smtpd, for all of them.
 *
 * fd 0        command: from the client; service: a listening socket, and
 *             where TERN_LISTENERS says so, descriptors 10 and up.
 * fd 1        command: to the client.
 * fd 2        log lines.
 * Touches     reads the settings that tern-smtpd(8) lists, and /etc/resolv.conf;
 *             counts in run/smtpd/counters;
 *             connects to run/queue/socket and run/lookup/socket; asks DNS
 *             servers over UDP.
 * Trusts      control/; as a command TCPREMOTEIP, TCPREMOTEHOST, RELAYCLIENT
 *             and DATABYTES of its environment; control/proxyhosts about whose
 *             connections they pass on; the queue's answers; no byte of a client.
 * Exits       0 when the client is served or SIGTERM came; 100 when used
 *             wrongly or when a setting is wrong; 111 when the system fails us.
 *             HUP reads the settings again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/control.h"
#include "lib/counters.h"
#include "lib/exits.h"
#include "lib/home.h"
#include "lib/number.h"
#include "lib/privilege.h"
#include "policy/confinement.h"
#include "service/service.h"
#include "smtpd/hook.h"
#include "smtpd/session.h"
#include "wire/smtpdcounts.h"

enum {
	WORKERS_DEFAULT = 400,
	WORKERS_PER_CLIENT_DEFAULT = 100,
	WORKERS_MAX = 10000,
	WORKER_IDLE = 60 /* seconds */
};

static struct settings settings = SETTINGS_ZERO;
static struct submit submit = SUBMIT_ZERO;
static struct reversename reverse;
static struct blocklist blocklist;
static struct session session = {
	.settings = &settings, .submit = &submit, .reverse = &reverse, .blocklist = &blocklist};

static void
say_fatal(char const *what, char const *why)
{
	fprintf(stderr, "tern-smtpd: fatal: %s%s%s\n", what, why ? ": " : "", why ? why : "");
}

static int
configure(void)
{
	static int configured;
	stralloc why = STRALLOC_ZERO;
	int r = settings_load(&settings, &why);

	if (r == -1)
		fprintf(stderr, "tern-smtpd: %s: %.*s\n", configured ? "warning" : "fatal",
			(int)why.len, why.s);
	configured = 1;
	stralloc_free(&why);
	return r;
}

/* A proxy brings many clients, and an access rule with NOLIMITS says that none holds. */
static int
is_spared(struct netaddress const *client)
{
	struct access_rule const *rule = access_find(&settings.access, client);
	struct span value;

	return access_find(&settings.proxies, client) != NULL ||
	       (rule && access_variable(rule, "NOLIMITS", &value));
}

/* The "NAME=value" of our environment, or NULL. */
static char *
environment_entry(char const *name)
{
	extern char **environ;
	size_t len = strlen(name);

	for (char **e = environ; *e; e++)
		if (strncmp(*e, name, len) == 0 && (*e)[len] == '=')
			return *e;
	return NULL;
}

/* What a worker needs of the environment: where its home and its queue are. */
static void
environment_clean(void)
{
	static char const *const names[] = {"TERNHOME", "QMAILQUEUE"};
	static char path[] = "PATH=/usr/bin:/bin";
	static char *kept[] = {path, NULL, NULL, NULL};
	extern char **environ;
	size_t n = 1;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if ((kept[n] = environment_entry(names[i])))
			n++;
	environ = kept;
}

/*
 * A worker becomes what it stays, once it knows its client: it asks DNS through
 * sockets made before, and can run a program only where a rule has one.
 */
static void
worker_become(struct client const *client)
{
	umask(077);
	reversename_open(&reverse, &settings, client->is_proxy ? NULL : &client->address);
	blocklist_open(&blocklist, &settings);
	if (client->is_proxy && access_mentions(&settings.access, "QMAILQUEUE")
			? hook_expect()
			: hook_prepare(client))
		exit(EXIT_TEMPORARY);
	submit.service_only = !confinement_queue_is_program();
	confinement_enter(CONFINEMENT_SMTPD);
}

static void
serve(int connection)
{
	static struct client client; /* all connections of a worker are of one */
	static int is_ready;

	if (!client.known)
		client_identify(&client, &settings, connection, NULL);
	client.socket = connection;
	if (!is_ready)
		worker_become(&client);
	is_ready = 1;
	session.client = client;
	session_run(&session, connection, connection);
}

/*
 * As a command we can be confined where the queue's service runs, and no other
 * program, which may be setuid, is to take the mail.
 */
static void
command_confine(void)
{
	umask(077);
	reversename_open(&reverse, &settings, &session.client.address);
	blocklist_open(&blocklist, &settings);
	if (!confinement_queue_is_program() && submit_connect(&submit) == 0) {
		submit.service_only = 1;
		confinement_enter(CONFINEMENT_SMTPD);
	}
}

/* Returns the value of a setting about processes; exits when it is wrong. */
static unsigned
workers_setting(char const *name, unsigned fallback)
{
	stralloc why = STRALLOC_ZERO;
	uint64_t value;

	if (control_number_read(&value, name, fallback, 1, WORKERS_MAX, &why) == -1) {
		fprintf(stderr, "tern-smtpd: fatal: %.*s\n", (int)why.len, why.s);
		exit(EXIT_PERMANENT);
	}
	return (unsigned)value;
}

static int
service(int ready_fd)
{
	struct service const this = {
		.program = "tern-smtpd",
		.workers_max = workers_setting("concurrencyincoming", WORKERS_DEFAULT),
		.per_client_max = workers_setting("concurrencyclient", WORKERS_PER_CLIENT_DEFAULT),
		.idle_seconds = WORKER_IDLE,
		.busy = "421 4.7.0 too many connections; try again later\r\n",
		.rates = settings.limits.rates,
		.ready_fd = ready_fd,
		.configure = configure,
		.is_spared = is_spared,
		.confine = environment_clean,
		.serve = serve,
	};

	if (privilege_become_owner("run/smtpd") == -1) {
		say_fatal("unable to become the owner of run/smtpd", strerror(errno));
		return EXIT_PERMANENT;
	}
	if (counters_open(SMTPDCOUNTS_FILE, SMTPDCOUNTS) == -1)
		fprintf(stderr,
			"tern-smtpd: warning: %s: nothing is counted for tern metrics: %s\n",
			SMTPDCOUNTS_FILE, strerror(errno));
	confinement_enter(CONFINEMENT_SMTPD_PARENT);
	return service_run(&this);
}

static int
command(void)
{
	char const *wrong;

	if (configure() == -1)
		return EXIT_PERMANENT;
	client_identify(&session.client, &settings, 0, getenv("TCPREMOTEIP"));
	wrong = client_environment_apply(&session.client);
	if (wrong) {
		say_fatal(wrong, NULL);
		return EXIT_PERMANENT;
	}
	if (hook_prepare(&session.client) == -1) {
		say_fatal("out of memory", NULL);
		return EXIT_TEMPORARY;
	}
	command_confine();
	session_run(&session, 0, 1);
	submit_close(&submit);
	session_free(&session);
	return EXIT_OK;
}

int
main(int argc, char **argv)
{
	int is_service = 0, option;
	uint64_t ready_fd = 0;
	int has_ready_fd = 0;

	opterr = 0;
	while ((option = getopt(argc, argv, "sd:")) != -1) {
		if (option == 's')
			is_service = 1;
		else if (option == 'd' && number_parse(span_string(optarg), 1023, &ready_fd) == 0)
			has_ready_fd = 1;
		else
			optind = argc + 1;
	}
	if (optind != argc || (has_ready_fd && !is_service)) {
		say_fatal("usage: tern-smtpd [-s [-d readyfd]]", NULL);
		return EXIT_PERMANENT;
	}
	if (home_enter() == -1) {
		say_fatal(home_path(), strerror(errno));
		return EXIT_PERMANENT;
	}
	return is_service ? service(has_ready_fd ? (int)ready_fd : -1) : command();
}
