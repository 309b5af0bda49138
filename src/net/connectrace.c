#include "net/connectrace.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "lib/clock.h"
#include "net/connect.h"

struct race {
	struct connectrace *racer;
	size_t count, begun, running;
	int64_t next;     /* when the next one begins, if none fails before */
	int64_t deadline; /* of them all */
};

static void
racer_fail(struct race *race, struct connectrace *racer)
{
	racer->error = errno;
	if (racer->fd == -1)
		return;
	close(racer->fd);
	racer->fd = -1;
	race->running--;
}

static void
racer_begin(struct race *race, int64_t now, int64_t patience)
{
	struct connectrace *racer = &race->racer[race->begun++];

	racer->fd = connect_tcp_begin(racer->address, racer->port, racer->local);
	if (racer->fd == -1) {
		racer_fail(race, racer);
		return;
	}
	race->running++;
	race->next = now + CONNECTRACE_HEAD_START;
	race->deadline = now + patience;
}

/*
 * Looks whether one of those that run is ready, and waits for that. Returns 1
 * when it is worth a look; 0 when the time is over, for the next one to begin
 * or for all; -1 with errno.
 */
static int
race_wait(struct race const *race, struct pollfd polls[CONNECTRACE_MAX])
{
	int64_t until = race->begun < race->count ? race->next : race->deadline;
	int64_t left = until - clock_monotonic();

	for (size_t i = 0; i < race->begun; i++)
		polls[i] = (struct pollfd){.fd = race->racer[i].fd, .events = POLLOUT};
	left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
	switch (poll(polls, (nfds_t)race->begun, (int)left)) {
	case -1: return errno == EINTR ? 1 : -1;
	case 0: return 0;
	default: return 1;
	}
}

/* Looks who is ready. Returns the socket of the first that stands, or -1. */
static int
race_look(struct race *race, struct pollfd const *polls, size_t *winner)
{
	for (size_t i = 0; i < race->begun; i++) {
		struct connectrace *racer = &race->racer[i];

		if (racer->fd == -1 || polls[i].revents == 0)
			continue;
		if (connect_tcp_end(racer->fd) == -1) {
			racer_fail(race, racer);
			if (i + 1 == race->begun)
				race->next = 0; /* its head start is over */
			continue;
		}
		*winner = i;
		return racer->fd;
	}
	return -1;
}

/* Ends those that still run, for that reason, but not the winner. */
static void
race_end(struct race *race, int winner, int error)
{
	for (size_t i = 0; i < race->begun; i++) {
		errno = error;
		if (race->racer[i].fd != -1 && race->racer[i].fd != winner)
			racer_fail(race, &race->racer[i]);
	}
	/* The last one had no head start: it lost, which says nothing of it. */
	if (winner != -1 && race->racer[race->begun - 1].error == EINPROGRESS &&
		clock_monotonic() < race->next)
		race->racer[race->begun - 1].error = 0;
}

int
connect_race(struct connectrace *racers, size_t count, int64_t patience, size_t *winner)
{
	struct race race = {
		.racer = racers, .count = count < CONNECTRACE_MAX ? count : CONNECTRACE_MAX};
	struct pollfd polls[CONNECTRACE_MAX];
	int fd = -1, ready = 0;

	for (size_t i = 0; i < count; i++) {
		racers[i].error = 0;
		racers[i].fd = -1;
	}
	while (fd == -1 && (race.begun < race.count || race.running)) {
		if (race.running == 0 || (ready == 0 && race.begun < race.count))
			racer_begin(&race, clock_monotonic(), patience);
		else if (ready == 0)
			break;
		if (race.running == 0)
			continue;
		ready = race_wait(&race, polls);
		if (ready == -1)
			break;
		if (ready == 1)
			fd = race_look(&race, polls, winner);
	}
	race_end(&race, fd, fd != -1 ? EINPROGRESS : ready == -1 ? errno : ETIMEDOUT);
	return fd;
}
