#include "net/connectrace.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "net/connect.h"
#include "tests/tap.h"

enum { LONG = 60000, HELD_MAX = 16 };

static struct netaddress here;
static uint16_t good_port, silent_port, refused_port;
static int held[HELD_MAX], held_count;

/* A socket on 127.0.0.1, which listens when backlog is not -1. */
static int
listener_new(int backlog, uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&at, sizeof at) == -1 ||
		(backlog != -1 && listen(fd, backlog) == -1) ||
		getsockname(fd, (struct sockaddr *)&at, &len) == -1) {
		puts("Bail out! can not listen on 127.0.0.1");
		exit(1);
	}
	*port = ntohs(at.sin_port);
	return fd;
}

/* A full listener whose packets nobody answers any more, as of a host that is not there. */
static void
silent_fill(void)
{
	int fd;

	while (held_count < HELD_MAX &&
		(fd = connect_tcp(&here, silent_port, NULL, clock_monotonic() + 300)) != -1)
		held[held_count++] = fd;
	ok(held_count < HELD_MAX, "one address answers nothing");
}

struct race {
	char const *kinds; /* g, s, r: the ports; the winner, or -1 */
	int winner;
	int errors[4];
	int patience;
};

static struct race const races[] = {
	{"g", 0, {0}, LONG},
	{"gg", 0, {0, 0}, LONG},
	{"r", -1, {ECONNREFUSED}, LONG},
	{"rr", -1, {ECONNREFUSED, ECONNREFUSED}, LONG},
	{"rg", 1, {ECONNREFUSED, 0}, LONG},
	{"sg", 1, {EINPROGRESS, 0}, LONG},
	{"ssg", 2, {EINPROGRESS, EINPROGRESS, 0}, LONG},
	{"srg", 2, {EINPROGRESS, ECONNREFUSED, 0}, LONG},
	{"sgg", 1, {EINPROGRESS, 0, 0}, LONG},
	{"s", -1, {ETIMEDOUT}, 100},
	{"ss", -1, {ETIMEDOUT, ETIMEDOUT}, 100},
	{"sr", -1, {ETIMEDOUT, ECONNREFUSED}, 100},
	{"", -1, {0}, LONG},
};

static void
test_race(struct race const *race)
{
	struct connectrace racers[4];
	size_t count = strlen(race->kinds), winner = 99;
	int fd, good = 1;

	for (size_t i = 0; i < count; i++)
		racers[i] = (struct connectrace){&here, NULL,
			race->kinds[i] == 'g'   ? good_port
			: race->kinds[i] == 's' ? silent_port
						: refused_port,
			-1, -1};
	fd = connect_race(racers, count, race->patience, &winner);
	ok(race->winner == -1 ? fd == -1 : fd != -1 && winner == (size_t)race->winner,
		"'%s': %d wins", race->kinds, race->winner);
	for (size_t i = 0; i < count; i++)
		good &= racers[i].error == race->errors[i];
	ok(good, "and the others say why not");
	if (fd != -1)
		close(fd);
}

static void
test_many(void)
{
	struct connectrace racers[CONNECTRACE_MAX + 1];
	size_t winner;

	for (size_t i = 0; i <= CONNECTRACE_MAX; i++)
		racers[i] = (struct connectrace){&here, NULL, refused_port, -1, -1};
	racers[CONNECTRACE_MAX].port = good_port;
	ok(connect_race(racers, CONNECTRACE_MAX + 1, LONG, &winner) == -1 &&
			racers[CONNECTRACE_MAX].error == 0,
		"one beyond the most is left alone");
	racers[CONNECTRACE_MAX - 1].port = good_port;
	ok(connect_race(racers, CONNECTRACE_MAX, LONG, &winner) != -1 &&
			winner == CONNECTRACE_MAX - 1,
		"the most");
}

int
main(void)
{
	netaddress_parse(&here, SPAN_LITERAL("127.0.0.1"));
	listener_new(64, &good_port);
	listener_new(0, &silent_port);
	listener_new(-1, &refused_port);
	silent_fill();
	for (size_t i = 0; i < sizeof races / sizeof races[0]; i++)
		test_race(&races[i]);
	test_many();
	return tap_end();
}
