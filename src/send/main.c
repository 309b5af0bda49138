/*
 * tern-send - decide what is delivered when, how often, and in what order
 *
 * Started by  tern-start, as the owner of queue/hist, in the home.
 * fd 2        the log (tern-log(5)).
 * fd 3, 4     tern-lspawn, tern-rspawn: requests for workers, their sockets.
 * fd 5, 6     tern-clean: ids of finished messages out, one byte each back.
 * fd 7        tern-bounce: jobs out, answers back.
 * -d N        descriptor that gets a newline when the queue is open.
 * Touches     queue/mess (reads), queue/hist (appends), queue/lock, control/;
 *             makes the socket run/send/socket for the tools of the queue.
 * Trusts      the queue's files only as far as their checksums go; workers for
 *             nothing but a verdict and a text each; the others to keep to
 *             their protocol; whoever may connect to the socket to say what is
 *             to be done with a message.
 * Signals     TERM: finish what is running, then exit. ALRM: try everything
 *             now. HUP: read control/ again.
 * Exits       0 after TERM; 100 when control/ is wrong; 111 when the system
 *             or one of the others fails us.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <skalibs/selfpipe.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "lib/clock.h"
#include "lib/durable.h"
#include "lib/exits.h"
#include "policy/confinement.h"
#include "send/batch.h"
#include "send/control.h"
#include "send/destination.h"
#include "send/helpers.h"
#include "send/history.h"
#include "send/lifetime.h"
#include "send/log.h"
#include "send/message.h"
#include "send/queue.h"
#include "send/settings.h"
#include "send/worker.h"

enum {
	LSPAWN_SOCKET = 3,
	RSPAWN_SOCKET = 4,
	LOADED_MAX = 20000,             /* messages in memory */
	LOAD_AT_ONCE = 64,              /* before looking at the world again */
	SCAN_MILLISECONDS = 1500000,    /* 25 minutes, as qmail */
	RETRY_MILLISECONDS = 10000,     /* for what our own disk refused */
	CLOCK_JUMP_MILLISECONDS = 5000, /* less is the usual correction of a clock */
	DESCRIPTORS_MIN = 64,           /* of this process */
	UNPOLLED_MILLISECONDS = 500,    /* for workers that could not be waited for */
	SYNC_MILLISECONDS = 1000
};

enum source {
	SOURCE_SIGNAL,
	SOURCE_TRIGGER,
	SOURCE_LSPAWN,
	SOURCE_RSPAWN,
	SOURCE_CLEAN_ANSWER,
	SOURCE_CLEAN_REQUEST,
	SOURCE_BOUNCE,
	SOURCES
};

enum peer { PEER_LSPAWN, PEER_RSPAWN, PEER_CLEAN, PEER_BOUNCE, PEERS };

static struct pollfd *fds;
static size_t fds_room;
static int signals = -1;
static int lost[PEERS];
static int exit_code = EXIT_OK;
static int64_t next_scan, next_retry, next_sync;

static void
settings_reload(void)
{
	stralloc why = STRALLOC_ZERO;

	if (settings_load(&why) == -1)
		log_alert("control/ is not read again, the old settings stay: ",
			span(why.s, why.len));
	stralloc_free(&why);
}

static void
signals_take(void)
{
	for (;;)
		switch (selfpipe_read()) {
		case -1: strerr_diefusys(EXIT_TEMPORARY, "read signals");
		case 0: return;
		case SIGTERM: worker_stopping = 1; break;
		case SIGALRM:
			agenda_all_due(&queue_agenda);
			queue_scan_force();
			destination_revive_all();
			break;
		case SIGHUP: settings_reload(); break;
		default: break;
		}
}

/*
 * Without one of the others nothing new is started; what workers have under
 * way is still heard of, so that none of it is done twice after the restart.
 */
static void
peer_lost(enum peer peer)
{
	static char const *const names[PEERS] = {
		[PEER_LSPAWN] = "tern-lspawn",
		[PEER_RSPAWN] = "tern-rspawn",
		[PEER_CLEAN] = "tern-clean",
		[PEER_BOUNCE] = "tern-bounce",
	};

	if (lost[peer])
		return;
	log_alert("lost contact with ", span_string(names[peer]));
	lost[peer] = 1;
	worker_stopping = 1;
	exit_code = EXIT_TEMPORARY;
}

static void
messages_load(void)
{
	uint64_t now = clock_wall() / 1000000;
	uint64_t id;
	enum agenda_reason reason;

	for (int i = 0; i < LOAD_AT_ONCE && messages_loaded < LOADED_MAX; i++) {
		if (!agenda_take(&queue_agenda, now, &id, &reason))
			return;
		message_load(id, reason);
	}
}

/*
 * When the wall clock is set back, what waits would wait that much longer. Set
 * forward, it makes things due, which is as it should be after a sleep; but no
 * message grows old by that.
 */
static void
clock_watch(void)
{
	static int64_t offset_known;
	int64_t offset = (int64_t)(clock_wall() / 1000) - clock_monotonic();

	if (offset_known && offset < offset_known - CLOCK_JUMP_MILLISECONDS) {
		uint64_t seconds = (uint64_t)(offset_known - offset) / 1000;

		log_warning("the clock was set back", span("", 0));
		agenda_clock_back(&queue_agenda, seconds);
		message_clock_back(seconds);
		lifetime_clock_back(seconds);
	} else if (offset_known && offset > offset_known + CLOCK_JUMP_MILLISECONDS) {
		lifetime_clock_forward(
			clock_wall() / 1000000, (uint64_t)(offset - offset_known) / 1000);
	}
	offset_known = offset;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The milliseconds from `wall` (microseconds) until a time in seconds. */
static int64_t
until(uint64_t due, uint64_t wall)
{
	return due * 1000000 <= wall ? 0 : (int64_t)((due * 1000000 - wall) / 1000 + 1);
}

/* Does what the time has come for; returns when to look again, in milliseconds from now. */
static int
timers_run(void)
{
	int64_t now = clock_monotonic();
	int64_t wait = SCAN_MILLISECONDS;
	int64_t idle = worker_idle_expire(now, worker_stopping);
	int64_t rest = destination_rest_expire(now);
	uint64_t due = agenda_next(&queue_agenda);
	uint64_t wall = clock_wall();

	if (history_sync_waits() && now >= next_sync) {
		history_sync_all();
		next_sync = now + SYNC_MILLISECONDS;
	}
	if ((history_stuck_waits() || clean_retry_waits()) && now >= next_retry) {
		message_stuck_retry();
		clean_retry();
		next_retry = now + RETRY_MILLISECONDS;
	}
	if (queue_scan_take_incomplete())
		next_scan = earlier(next_scan, now + RETRY_MILLISECONDS);
	if (now >= next_scan) {
		queue_scan_start();
		next_scan = now + SCAN_MILLISECONDS;
	}
	if (idle != -1)
		wait = earlier(wait, idle);
	if (rest != -1)
		wait = earlier(wait, rest);
	if (history_sync_waits())
		wait = earlier(wait, next_sync - now);
	if (history_stuck_waits() || clean_retry_waits())
		wait = earlier(wait, next_retry - now);
	wait = earlier(wait, next_scan - now);
	if (!worker_stopping && messages_loaded < LOADED_MAX && due != UINT64_MAX)
		wait = earlier(wait, until(due, wall));
	if (!worker_stopping && batches_again_next() != UINT64_MAX)
		wait = earlier(wait, until(batches_again_next(), wall));
	if (queue_scan_is_running() && !worker_stopping)
		wait = 0;
	return (int)(wait < 0 ? 0 : wait);
}

static int
fds_ready(size_t count)
{
	if (count > fds_room) {
		struct pollfd *larger = realloc(fds, count * 2 * sizeof *larger);

		if (!larger)
			return -1;
		fds = larger;
		fds_room = count * 2;
	}
	return 0;
}

static struct pollfd
peer_poll(enum peer peer, int fd, int events)
{
	return (struct pollfd){.fd = lost[peer] ? -1 : fd, .events = (short)events};
}

static size_t
fds_prepare(void)
{
	if (fds_ready(SOURCES + CONTROL_FDS + worker_poll_room()) == -1 &&
		fds_room < SOURCES + CONTROL_FDS)
		strerr_dief(EXIT_TEMPORARY, "out of memory");
	fds[SOURCE_SIGNAL] = (struct pollfd){.fd = signals, .events = POLLIN};
	fds[SOURCE_TRIGGER] =
		(struct pollfd){.fd = worker_stopping ? -1 : queue_trigger, .events = POLLIN};
	fds[SOURCE_LSPAWN] = peer_poll(PEER_LSPAWN, LSPAWN_SOCKET, POLLIN);
	fds[SOURCE_RSPAWN] = peer_poll(PEER_RSPAWN, RSPAWN_SOCKET, POLLIN);
	fds[SOURCE_CLEAN_ANSWER] = peer_poll(PEER_CLEAN, CLEAN_ANSWERS, POLLIN);
	fds[SOURCE_CLEAN_REQUEST] =
		peer_poll(PEER_CLEAN, clean_wants_to_write() ? CLEAN_REQUESTS : -1, POLLOUT);
	fds[SOURCE_BOUNCE] = peer_poll(
		PEER_BOUNCE, BOUNCE_SOCKET, POLLIN | (bounce_wants_to_write() ? POLLOUT : 0));
	control_poll_prepare(fds + SOURCES);
	return SOURCES + CONTROL_FDS +
	       worker_poll_prepare(fds + SOURCES + CONTROL_FDS, fds_room - SOURCES - CONTROL_FDS);
}

static void
sources_take(void)
{
	if (fds[SOURCE_SIGNAL].revents)
		signals_take();
	if (fds[SOURCE_TRIGGER].revents)
		queue_trigger_read();
	if (fds[SOURCE_LSPAWN].revents && worker_answer(CHANNEL_LOCAL) == -1)
		peer_lost(PEER_LSPAWN);
	if (fds[SOURCE_RSPAWN].revents && worker_answer(CHANNEL_REMOTE) == -1)
		peer_lost(PEER_RSPAWN);
	if (fds[SOURCE_CLEAN_ANSWER].revents && clean_read() == -1)
		peer_lost(PEER_CLEAN);
	if ((fds[SOURCE_BOUNCE].revents & (POLLIN | POLLHUP | POLLERR)) && bounce_read() == -1)
		peer_lost(PEER_BOUNCE);
	worker_poll_done(fds + SOURCES + CONTROL_FDS);
	control_poll_done(fds + SOURCES);
}

/* What is to be written leaves before the next wait; the log first, so that it tells the order. */
static void
all_write(void)
{
	log_flush();
	if (!lost[PEER_CLEAN] && clean_write() == -1)
		peer_lost(PEER_CLEAN);
	if (!lost[PEER_BOUNCE] && bounce_write() == -1)
		peer_lost(PEER_BOUNCE);
}

static int
is_finished(void)
{
	return worker_stopping && worker_jobs[CHANNEL_LOCAL] == 0 &&
	       worker_jobs[CHANNEL_REMOTE] == 0 && (lost[PEER_CLEAN] || !clean_is_busy()) &&
	       (lost[PEER_BOUNCE] || !bounce_is_busy());
}

static void
run(void)
{
	while (!is_finished()) {
		size_t count;
		int wait;

		clock_watch();
		if (!worker_stopping) {
			messages_load();
			batches_again(clock_wall() / 1000000);
			destination_dispatch(CHANNEL_LOCAL);
			destination_dispatch(CHANNEL_REMOTE);
			queue_scan_step();
		}
		wait = timers_run();
		all_write();
		count = fds_prepare();
		if (count <
			SOURCES + CONTROL_FDS + worker_poll_room()) /* some had to be left out */
			wait = (int)earlier(wait, UNPOLLED_MILLISECONDS);
		if (poll(fds, count, wait) > 0)
			sources_take();
	}
	history_sync_all();
	log_exiting();
	log_flush();
}

static void
signals_trap(void)
{
	signals = selfpipe_init();
	if (signals == -1 || selfpipe_trap(SIGTERM) == -1 || selfpipe_trap(SIGALRM) == -1 ||
		selfpipe_trap(SIGHUP) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "trap signals");
	signal(SIGPIPE, SIG_IGN);
}

/* As many descriptors as we may have: messages and workers each take one. */
static void
descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < DESCRIPTORS_MIN)
		strerr_dief(
			EXIT_TEMPORARY, "fewer than 64 descriptors: raise the limit (ulimit -n)");
	if (limit.rlim_max < worker_descriptors)
		worker_descriptors = (unsigned)limit.rlim_max;
}

static void
descriptors_prepare(void)
{
	for (int fd = LSPAWN_SOCKET; fd <= BOUNCE_SOCKET; fd++) {
		int flags = fcntl(fd, F_GETFL);

		if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 ||
			fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
			strerr_diefsys(EXIT_PERMANENT,
				"descriptors 3 to 7 must be open; tern-start does that");
	}
	worker_spawner[CHANNEL_LOCAL] = LSPAWN_SOCKET;
	worker_spawner[CHANNEL_REMOTE] = RSPAWN_SOCKET;
	descriptors_raise();
}

static int
arguments(int argc, char const *const *argv)
{
	subgetopt l = SUBGETOPT_ZERO;
	unsigned ready = 0;
	int opt;

	while ((opt = subgetopt_r(argc, argv, "d:", &l)) != -1)
		if (opt != 'd' || !uint0_scan(l.arg, &ready))
			strerr_dieusage(EXIT_PERMANENT, "tern-send [-d fd]");
	return (int)ready;
}

int
main(int argc, char const *const *argv)
{
	stralloc why = STRALLOC_ZERO;
	int ready;

	PROG = "tern-send";
	ready = arguments(argc, argv);
	descriptors_prepare();
	signals_trap();
	if (settings_load(&why) == -1) {
		stralloc_0(&why);
		strerr_dief(EXIT_PERMANENT, why.s);
	}
	if (queue_open() == -1)
		return EXIT_TEMPORARY;
	control_open();
	queue_scan_start();
	next_scan = clock_monotonic() + SCAN_MILLISECONDS;
	if (ready && (durable_write(ready, "\n", 1) == -1 || close(ready) == -1))
		strerr_diefusys(EXIT_TEMPORARY, "tell that we are ready");
	confinement_enter(CONFINEMENT_SEND);
	run();
	return exit_code;
}
