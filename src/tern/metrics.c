/*
 * Counters in the text form of Prometheus, from what the programs count
 * themselves: tern-send answers on its socket, the workers of tern-smtpd share
 * a file. No label holds an address, a domain or an id.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/clock.h"
#include "lib/counters.h"
#include "lib/durable.h"
#include "lib/exits.h"
#include "lib/spawn.h"
#include "lib/text.h"
#include "service/queueclient.h"
#include "spool/layout.h"
#include "spool/scan.h"
#include "tern/command.h"
#include "tern/commands.h"
#include "tern/instance.h"
#include "tern/queueaccess.h"
#include "wire/smtpdcounts.h"

#define USAGE "tern metrics [--textfile PATH] [--dir DIR]"

enum { SIZES_MAX = 200000, METRICS_MODE = 0644 };

static stralloc out = STRALLOC_ZERO;

/* --- the form --- */

static void
head(char const *name, char const *type, char const *help)
{
	memory_or_die(text_append(&out, "# HELP ", name, " ", help, "\n# TYPE ", name, " ", type,
		"\n", (char *)NULL));
}

/* labels: "" or `{channel="local"}`. */
static void
sample(char const *name, char const *labels, uint64_t value)
{
	memory_or_die(text_append(&out, name, labels, " ", (char *)NULL) &&
		      text_append_number(&out, value) && stralloc_cats(&out, "\n"));
}

static void
sample_milliseconds(char const *name, char const *labels, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof text, "%llu.%03u", (unsigned long long)(value / 1000),
		(unsigned)(value % 1000));
	memory_or_die(text_append(&out, name, labels, " ", text, "\n", (char *)NULL));
}

struct labelled {
	char const *labels;
	enum queue_count count;
};

static void
family(char const *name, char const *type, char const *help, struct queue_counts const *c,
	struct labelled const *rows, size_t count)
{
	head(name, type, help);
	for (size_t i = 0; i < count; i++)
		sample(name, rows[i].labels, c->value[rows[i].count]);
}

#define FAMILY(name, type, help, c, rows)                                                          \
	family(name, type, help, c, rows, sizeof rows / sizeof rows[0])

/* --- what tern-send says --- */

static struct labelled const messages[] = {
	{"{state=\"todo\"}", COUNT_TODO},
	{"{state=\"deferred\"}", COUNT_DEFERRED},
	{"{state=\"active\"}", COUNT_ACTIVE},
	{"{state=\"bounce\"}", COUNT_BOUNCE},
	{"{state=\"hold\"}", COUNT_HOLD},
};

static struct labelled const oldest[] = {
	{"{state=\"todo\"}", COUNT_TODO_OLDEST},
	{"{state=\"deferred\"}", COUNT_DEFERRED_OLDEST},
	{"{state=\"active\"}", COUNT_ACTIVE_OLDEST},
	{"{state=\"bounce\"}", COUNT_BOUNCE_OLDEST},
	{"{state=\"hold\"}", COUNT_HOLD_OLDEST},
};

static struct labelled const received[] = {
	{"{via=\"smtp\"}", COUNT_RECEIVED_SMTP},
	{"{via=\"sendmail\"}", COUNT_RECEIVED_SENDMAIL},
	{"{via=\"bounce\"}", COUNT_RECEIVED_BOUNCE},
};

static struct labelled const attempts[] = {
	{"{channel=\"local\",result=\"success\"}", COUNT_LOCAL_SUCCESS},
	{"{channel=\"local\",result=\"deferral\"}", COUNT_LOCAL_DEFERRAL},
	{"{channel=\"local\",result=\"failure\"}", COUNT_LOCAL_FAILURE},
	{"{channel=\"local\",result=\"trouble\"}", COUNT_LOCAL_TROUBLE},
	{"{channel=\"remote\",result=\"success\"}", COUNT_REMOTE_SUCCESS},
	{"{channel=\"remote\",result=\"deferral\"}", COUNT_REMOTE_DEFERRAL},
	{"{channel=\"remote\",result=\"failure\"}", COUNT_REMOTE_FAILURE},
	{"{channel=\"remote\",result=\"trouble\"}", COUNT_REMOTE_TROUBLE},
};

static struct labelled const active[] = {
	{"{channel=\"local\"}", COUNT_LOCAL_RUNNING},
	{"{channel=\"remote\"}", COUNT_REMOTE_RUNNING},
};

static struct labelled const limit[] = {
	{"{channel=\"local\"}", COUNT_LOCAL_LIMIT},
	{"{channel=\"remote\"}", COUNT_REMOTE_LIMIT},
};

static struct labelled const bounces[] = {
	{"{kind=\"single\"}", COUNT_BOUNCES_SINGLE},
	{"{kind=\"double\"}", COUNT_BOUNCES_DOUBLE},
	{"{kind=\"discarded\"}", COUNT_BOUNCES_DISCARDED},
};

static void
ages_print(struct queue_counts const *c)
{
	static char const name[] = "tern_queue_oldest_message_age_seconds";
	uint64_t now = clock_wall() / 1000000;

	head(name, "gauge", "How long ago the oldest message arrived, 0 when there is none.");
	for (size_t i = 0; i < sizeof oldest / sizeof oldest[0]; i++) {
		uint64_t arrived = c->value[oldest[i].count];

		sample(name, oldest[i].labels, arrived && arrived < now ? now - arrived : 0);
	}
}

static void
latency_print(struct queue_counts const *c, char const *channel, enum queue_count steps,
	enum queue_count sum)
{
	uint64_t count = 0;
	char labels[80];

	for (size_t i = 0; i < LATENCY_STEPS; i++) {
		uint64_t bound = queue_latency_bound[i];

		count += c->value[steps + i];
		if (bound == UINT64_MAX)
			snprintf(labels, sizeof labels, "{channel=\"%s\",le=\"+Inf\"}", channel);
		else
			snprintf(labels, sizeof labels, "{channel=\"%s\",le=\"%g\"}", channel,
				(double)bound / 1000);
		sample("tern_delivery_latency_seconds_bucket", labels, count);
	}
	snprintf(labels, sizeof labels, "{channel=\"%s\"}", channel);
	sample_milliseconds("tern_delivery_latency_seconds_sum", labels, c->value[sum]);
	sample("tern_delivery_latency_seconds_count", labels, count);
}

static struct labelled const dns_errors[] = {
	{"{rcode=\"servfail\"}", COUNT_DNS_SERVFAIL},
	{"{rcode=\"nxdomain\"}", COUNT_DNS_NXDOMAIN},
	{"{rcode=\"nodata\"}", COUNT_DNS_NODATA},
};

static void
send_print(struct queue_counts const *c)
{
	FAMILY("tern_queue_messages", "gauge", "Messages in the queue.", c, messages);
	ages_print(c);
	FAMILY("tern_messages_received_total", "counter", "New messages, by how they came.", c,
		received);
	FAMILY("tern_delivery_attempts_total", "counter", "Recipients tried, by result.", c,
		attempts);
	head("tern_delivery_latency_seconds", "histogram",
		"From the arrival of a message to its delivery to a recipient.");
	latency_print(c, "local", COUNT_LOCAL_LATENCY, COUNT_LOCAL_LATENCY_MILLISECONDS);
	latency_print(c, "remote", COUNT_REMOTE_LATENCY, COUNT_REMOTE_LATENCY_MILLISECONDS);
	FAMILY("tern_concurrency_active", "gauge", "Deliveries under way.", c, active);
	FAMILY("tern_concurrency_limit", "gauge", "Deliveries that may be under way.", c, limit);
	FAMILY("tern_bounces_total", "counter", "Bounces queued, and failures nobody is told of.",
		c, bounces);
	FAMILY("tern_dns_errors_total", "counter",
		"Recipients for which DNS named no host: no answer, no such domain, no host in it.",
		c, dns_errors);
	head("tern_messages_ended_total", "counter", "Messages that left the queue.");
	sample("tern_messages_ended_total", "", c->value[COUNT_ENDED]);
	head("tern_send_start_time_seconds", "gauge",
		"When tern-send was started: its counters begin then.");
	sample("tern_send_start_time_seconds", "", c->value[COUNT_STARTED]);
}

/* --- what tern-smtpd counted --- */

static void
refusals_print(uint64_t const *values, char const *code)
{
	char labels[80];

	for (size_t i = 0; i < SMTPDCOUNTS_REASONS; i++) {
		snprintf(labels, sizeof labels, "{code=\"%s\",reason=\"%s\"}", code,
			smtpdcounts_reason(i));
		sample("tern_smtpd_rejects_total", labels, values[i]);
	}
}

static void
smtpd_print(int fd)
{
	uint64_t values[SMTPDCOUNTS];

	if (fd == -1 || counters_read(fd, values, SMTPDCOUNTS) == -1)
		return;
	head("tern_smtpd_connections_total", "counter", "SMTP sessions begun.");
	sample("tern_smtpd_connections_total", "{tls=\"none\"}", values[SMTPDCOUNT_CONNECTIONS]);
	head("tern_smtpd_messages_total", "counter", "Messages accepted by SMTP.");
	sample("tern_smtpd_messages_total", "", values[SMTPDCOUNT_ACCEPTED]);
	head("tern_smtpd_rejects_total", "counter", "Replies that refused something.");
	refusals_print(values + SMTPDCOUNT_REFUSED_4XX, "4xx");
	refusals_print(values + SMTPDCOUNT_REFUSED_5XX, "5xx");
}

/* --- what the file system says --- */

struct sizes {
	uint64_t count, bytes;
};

static int
size_add(void *context, uint64_t id)
{
	struct sizes *sizes = context;
	char path[SPOOL_PATH_MAX];
	struct stat st;

	spool_mess_path(path, id);
	if (lstat(path, &st) == 0)
		sizes->bytes += (uint64_t)st.st_size;
	return ++sizes->count > SIZES_MAX;
}

/* The sizes of so many files at most: for more it would be a burden of its own. */
static void
sizes_print(void)
{
	struct sizes sizes = {0, 0};

	if (scan_each(size_add, &sizes) != 0)
		return;
	head("tern_queue_size_bytes", "gauge", "The size of all messages in the queue.");
	sample("tern_queue_size_bytes", "", sizes.bytes);
}

static void
space_print(void)
{
	struct statvfs fs;

	if (statvfs("queue", &fs) == -1)
		return;
	head("tern_queue_fs_free_bytes", "gauge", "Free space where the queue is.");
	sample("tern_queue_fs_free_bytes", "", (uint64_t)fs.f_bavail * fs.f_frsize);
	head("tern_queue_fs_free_inodes", "gauge", "Files that can still be made there.");
	sample("tern_queue_fs_free_inodes", "", fs.f_favail);
}

/* --- the whole --- */

static void
all_print(struct queue_access const *access, int smtpd)
{
	struct queue_counts counts;
	int up = access->client != -1 && queueclient_counts(access->client, &counts) == 0;

	head("tern_build_info", "gauge", "Which tern this is.");
	memory_or_die(stralloc_cats(&out, "tern_build_info{version=\"" TERN_VERSION "\"} 1\n"));
	head("tern_send_up", "gauge", "Whether tern-send runs and answers.");
	sample("tern_send_up", "", (uint64_t)up);
	if (up)
		send_print(&counts);
	smtpd_print(smtpd);
	sizes_print();
	space_print();
}

/* As whoever called: the folder of the textfile collector is not the queue's. */
static void
options_read(char const **path, char const **directory, int argc, char const *const *argv)
{
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			strerr_dieusage(EXIT_PERMANENT, USAGE);
		if (strcmp(argv[i], "--textfile") == 0)
			*path = argv[i + 1];
		else if (strcmp(argv[i], "--dir") == 0)
			*directory = argv[i + 1];
		else
			strerr_dieusage(EXIT_PERMANENT, USAGE);
	}
}

/* Enters the instance and gives root up: all that reads the queue happens after that. */
static void
gather(char const *directory)
{
	struct queue_access access;
	int smtpd;

	instance_enter(instance_directory(directory));
	smtpd = open(SMTPDCOUNTS_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	queue_access_open(&access, ".", INTENT_READ);
	all_print(&access, smtpd);
	output_flush(&out);
}

/*
 * As whoever called, for whom the file is to be; a child that has given root up
 * gathers what is in it.
 */
static int
write_file(char const *path, char const *directory)
{
	int ends[2];
	pid_t pid;

	if (pipe(ends) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "make a pipe");
	pid = fork();
	if (pid == -1)
		strerr_diefusys(EXIT_TEMPORARY, "fork");
	if (pid == 0) {
		if (dup2(ends[1], 1) == -1)
			strerr_diefusys(EXIT_TEMPORARY, "use a pipe");
		close(ends[0]);
		close(ends[1]);
		gather(directory);
		_exit(EXIT_OK);
	}
	close(ends[1]);
	command_read_all(ends[0], &out);
	if (spawn_exit_code(spawn_wait(pid)) != EXIT_OK)
		return EXIT_TEMPORARY; /* it has said why */
	if (durable_replace(path, METRICS_MODE, out.s, out.len) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "write ", path);
	return EXIT_OK;
}

int
metrics_main(int argc, char const *const *argv)
{
	char const *path = NULL, *directory = NULL;

	options_read(&path, &directory, argc, argv);
	if (path)
		return write_file(path, directory);
	gather(directory);
	return EXIT_OK;
}
