/*
 * tern-queue: takes a message and its envelope, makes them durable, answers.
 *
 * As a command: started by any program that submits mail, as that caller but
 * setuid to the queue's user (the owner of queue/mess). As a service
 * (tern-queue -s [-d readyfd]): started by tern-listen as the queue's user.
 *
 *   descriptor 0  command: the message, to the end of input
 *                 service: the listening socket run/queue/socket
 *   descriptor 1  command: the envelope, qmail-queue's, to its last NUL
 *   descriptor 2  what went wrong, for a person
 *   descriptor 6  command: if our caller gave us a pipe or a socket there: gets
 *                 "D" and a reason with exit code 82
 *
 * Files: reads control/me, diskfloor and inodefloor; creates queue/mess/S/ID;
 * writes queue/lock/trigger; looks at who owns run/smtpd, run/bounce,
 * queue/hist, alias, and how full the disk of queue/mess is.
 *
 * Trusts nobody. The caller's uid comes from the kernel. What a client says of
 * the origin of a message is believed from root, from the owner of run/smtpd
 * (that it came from the network) and from the owner of run/bounce or
 * queue/hist (that it is a bounce); the command finds it in $TERN_ORIGIN. As a
 * setuid command it trusts nothing else of its environment, nor its descriptors, limits and
 * signals.
 *
 * Exit codes: as a command those of wire/queueexit.h, 0 meaning that the
 * message is on disk, anything else that nothing of it is; as a service, 0
 * after SIGTERM, 100 and 111.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/control.h"
#include "lib/exits.h"
#include "lib/home.h"
#include "lib/number.h"
#include "lib/platform.h"
#include "lib/privilege.h"
#include "policy/confinement.h"
#include "policy/room.h"
#include "queue/command.h"
#include "queue/received.h"
#include "queue/session.h"
#include "service/service.h"
#include "wire/queueexit.h"

enum {
	WORKERS_MAX = 1000,
	WORKERS_PER_CLIENT_MAX = 500, /* tern-smtpd keeps one for each of its workers */
	WORKER_IDLE = 60,             /* seconds */
	UMASK = 033                   /* qmail's: the group may read, nobody else may write */
};

static stralloc me = STRALLOC_ZERO;

static int
fatal(int code, char const *what, char const *why)
{
	fprintf(stderr, "tern-queue: fatal: %s%s%s\n", what, why ? ": " : "", why ? why : "");
	return code;
}

/*
 * Reads control/me, which goes into each message, and the floors of the disk.
 * Returns 0, or -1 after saying why not: fatal at the start, a warning while
 * there are older ones to go on with.
 */
static int
settings_read(void)
{
	stralloc name = STRALLOC_ZERO;
	stralloc why = STRALLOC_ZERO;
	int good = control_me(&name, &why) == 0;

	if (good && !received_name_is_plausible(span(name.s, name.len))) {
		control_complain(
			&why, "me", 1, "is not the name of a host", span(name.s, name.len));
		good = 0;
	}
	good = good && room_settings_read(&why) == 0;
	if (good) {
		stralloc_free(&me);
		me = name;
	} else {
		fprintf(stderr, "tern-queue: %s: %.*s\n", me.len ? "warning" : "fatal",
			(int)why.len, why.s ? why.s : "");
		stralloc_free(&name);
	}
	stralloc_free(&why);
	return good ? 0 : -1;
}

static int
configure(void)
{
	struct stat st;

	if (stat("queue/mess", &st) == -1) {
		fatal(0, "queue/mess", strerror(errno));
		return -1;
	}
	return settings_read();
}

static void
worker_confine(void)
{
	confinement_enter(CONFINEMENT_QUEUE);
}

static void
serve(int connection)
{
	session_serve(connection, span(me.s, me.len));
}

static int
service(int ready_fd)
{
	struct service const this = {
		.program = "tern-queue",
		.workers_max = WORKERS_MAX,
		.per_client_max = WORKERS_PER_CLIENT_MAX,
		.idle_seconds = WORKER_IDLE,
		.busy = "71 the queue has too many clients\n",
		.ready_fd = ready_fd,
		.configure = configure,
		.confine = worker_confine,
		.serve = serve,
	};

	if (home_enter() == -1)
		return fatal(EXIT_PERMANENT, home_path(), strerror(errno));
	if (privilege_become_owner("queue/mess") == -1)
		return fatal(EXIT_PERMANENT, "queue/mess", strerror(errno));
	umask(UMASK);
	confinement_enter(CONFINEMENT_QUEUE_PARENT);
	return service_run(&this);
}

/* Whether the caller gave us this descriptor for words; to be asked before anything is opened. */
static int
is_given(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

/*
 * Keeps 0, 1, 2 and perhaps 6. Returns 0, or -1 when there is no message or
 * envelope to read; then an entry could get their number.
 */
static int
descriptors_sanitize(int has_reason)
{
	int keep = has_reason ? COMMAND_REASON : 2;
	int null_device;

	if (fcntl(0, F_GETFD) == -1 || fcntl(1, F_GETFD) == -1)
		return -1;
	for (int fd = 3; fd < keep; fd++)
		close(fd);
	platform_close_from(keep + 1);
	if (fcntl(2, F_GETFD) != -1)
		return 0;
	null_device = open("/dev/null", O_WRONLY);
	return null_device == 2 ? 0 : -1;
}

static int
command(void)
{
	uid_t uid = getuid();
	int has_reason = is_given(COMMAND_REASON);

	umask(UMASK);
	if (descriptors_sanitize(has_reason) == -1)
		return QUEUE_READ;
	if (home_enter() == -1)
		return fatal(QUEUE_HOME, home_path(), strerror(errno));
	if (privilege_become_owner("queue/mess") == -1)
		return fatal(QUEUE_CHDIR, "queue/mess", strerror(errno));
	if (settings_read() == -1)
		return QUEUE_CONFIG;
	confinement_enter(CONFINEMENT_QUEUE);
	return command_run(uid, has_reason, span(me.s, me.len));
}

static int
usage(void)
{
	fprintf(stderr, "tern-queue: usage: tern-queue [-s [-d readyfd]]\n");
	return EXIT_PERMANENT;
}

int
main(int argc, char **argv)
{
	uint64_t ready_fd;
	int is_service = 0, has_ready_fd = 0;
	int c;

	while ((c = getopt(argc, argv, "sd:")) != -1) {
		if (c == 's') {
			is_service = 1;
		} else if (c == 'd' && number_parse(span_string(optarg), 1023, &ready_fd) == 0) {
			has_ready_fd = 1;
		} else {
			return usage();
		}
	}
	if (optind != argc || (has_ready_fd && !is_service))
		return usage();
	return is_service ? service(has_ready_fd ? (int)ready_fd : -1) : command();
}
