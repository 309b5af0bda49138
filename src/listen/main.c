/*
 * tern-listen - binds sockets, gives up its privileges, runs a service
 *
 * Started by  s6, as root where a port is below 1024, else as anyone.
 * Usage       tern-listen [-b backlog] [-m mode] [-u path] address[,address...]
 *             program [argument...]
 * fd 0        becomes the first listening socket of the program; further
 *             ones are descriptors 10 and up, their number in TERN_LISTENERS.
 * fd 2        what it listens on, and messages.
 * Touches     control/NAME for the address @NAME; makes Unix sockets.
 * Trusts      its command line and control/.
 * Exits       100 when used wrongly or when an address can never be bound, 111
 *             when it can not be bound now; otherwise as the program does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "lib/confine.h"
#include "lib/control.h"
#include "lib/exits.h"
#include "lib/home.h"
#include "lib/netaddress.h"
#include "lib/number.h"
#include "lib/privilege.h"
#include "listen/address.h"
#include "service/service.h"

enum { BACKLOG_DEFAULT = 1024, BACKLOG_MAX = 65535, MODE_DEFAULT = 0600 };

static struct {
	struct listen_address address;
	int fd;
} listeners[SERVICE_LISTENERS_MAX];
static size_t listener_count;
static int any_v4_will_do; /* the default [::]:25, where there may be no IPv6 */

static _Noreturn void
die(int code, char const *format, ...)
{
	va_list args;

	fputs("tern-listen: fatal: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(code);
}

static _Noreturn void
die_usage(void)
{
	die(EXIT_PERMANENT, "usage: tern-listen [-b backlog] [-m mode] [-u path] "
			    "address[,address...] program [argument...]");
}

static void
describe(char text[200], struct listen_address const *address)
{
	struct sockaddr_un const *un = (void const *)&address->socket;
	struct netaddress network;
	char host[NETADDRESS_TEXT_MAX];

	if (netaddress_of_socket(&network, &address->socket) == -1) {
		snprintf(text, 200, "unix:%s", un->sun_path);
		return;
	}
	netaddress_format(host, &network);
	snprintf(text, 200, address->socket.ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
		listen_address_port(address));
}

static _Noreturn void
die_address(struct listen_address const *address, char const *what)
{
	int e = errno;
	char text[200];

	describe(text, address);
	die(e == EACCES || e == EADDRNOTAVAIL || e == ENOENT || e == EEXIST ? EXIT_PERMANENT
									    : EXIT_TEMPORARY,
		"%s: %s: %s", text, what, strerror(e));
}

static void
listener_add(struct span text, char const *where, unsigned line)
{
	char const *reason;

	if (listener_count == SERVICE_LISTENERS_MAX)
		die(EXIT_PERMANENT, "more than %d addresses", SERVICE_LISTENERS_MAX);
	if (listen_address_parse(&listeners[listener_count].address, text, &reason) == -1) {
		if (line)
			die(EXIT_PERMANENT, "%s:%u: %.*s: %s", where, line, (int)text.len, text.s,
				reason);
		die(EXIT_PERMANENT, "%.*s: %s", (int)text.len, text.s, reason);
	}
	listeners[listener_count++].fd = -1;
}

static void
listeners_from_file(char const *name)
{
	struct control_list list = CONTROL_LIST_ZERO;
	stralloc why = STRALLOC_ZERO;
	char where[64];
	int r = control_list_read(&list, name, &why);

	if (r == -1 || strlen(name) > 40)
		die(EXIT_PERMANENT, "%.*s", (int)why.len, why.s);
	if (r == 0) {
		listener_add(SPAN_LITERAL("[::]:25"), NULL, 0);
		any_v4_will_do = 1;
		return;
	}
	snprintf(where, sizeof where, "control/%s", name);
	for (size_t i = 0; i < control_list_length(&list); i++) {
		struct control_line const *line = control_list_line(&list, i);

		listener_add(span_trim(line->text), where, line->number);
	}
	if (listener_count == 0)
		die(EXIT_PERMANENT, "%s: holds no address", where);
	control_list_free(&list);
}

static void
listeners_choose(char const *argument)
{
	struct span rest = span_string(argument);

	if (argument[0] == '@')
		listeners_from_file(argument + 1);
	else
		do
			listener_add(span_cut(&rest, ','), NULL, 0);
		while (rest.len);
}

/* [::] takes IPv4 too, unless that is listed by itself. */
static void
v4_settle(void)
{
	for (size_t i = 0; i < listener_count; i++)
		for (size_t j = 0; j < listener_count; j++) {
			struct listen_address *a = &listeners[i].address;
			struct listen_address const *b = &listeners[j].address;

			if (a->socket.ss_family == AF_INET6 && b->socket.ss_family == AF_INET &&
				listen_address_port(a) == listen_address_port(b))
				a->v6_only = 1;
		}
}

/* Options here are inherited by each connection, which saves setting them there. */
static int
tcp_bind(struct listen_address *address)
{
	int on = 1, fd = socket(address->socket.ss_family, SOCK_STREAM, 0);

	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1 ||
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == -1 ||
		(address->socket.ss_family == AF_INET6 &&
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &address->v6_only,
				sizeof address->v6_only) == -1) ||
		bind(fd, (struct sockaddr *)&address->socket, address->len) == -1) {
		int e = errno;

		close(fd);
		errno = e;
		return -1;
	}
	/* Port 0 means any; the log tells which. */
	getsockname(fd, (struct sockaddr *)&address->socket, &(socklen_t){sizeof address->socket});
	return fd;
}

static void
tcp_bind_all(void)
{
	for (size_t i = 0; i < listener_count; i++) {
		struct listen_address *a = &listeners[i].address;
		char const *reason;

		if (a->socket.ss_family == AF_UNIX)
			continue;
		listeners[i].fd = tcp_bind(a);
		if (listeners[i].fd == -1 && any_v4_will_do &&
			(errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
			listen_address_parse(a, SPAN_LITERAL("0.0.0.0:25"), &reason);
			listeners[i].fd = tcp_bind(a);
		}
		if (listeners[i].fd == -1)
			die_address(a, "unable to bind");
	}
}

/* Removes a socket that nobody listens on any more, and nothing else. */
static void
stale_remove(struct listen_address const *address)
{
	struct sockaddr_un const *un = (void const *)&address->socket;
	struct stat st;
	int fd;

	if (lstat(un->sun_path, &st) == -1)
		return;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		die_address(address, "is there and is not a socket");
	}
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd == -1)
		die_address(address, "unable to make a socket");
	if (connect(fd, (struct sockaddr const *)un, address->len) == 0) {
		errno = EADDRINUSE;
		die_address(address, "another process listens");
	}
	close(fd);
	if (unlink(un->sun_path) == -1)
		die_address(address, "unable to remove the stale socket");
}

static void
unix_bind_all(mode_t mode)
{
	for (size_t i = 0; i < listener_count; i++) {
		struct listen_address *a = &listeners[i].address;
		mode_t old;
		int r;

		if (a->socket.ss_family != AF_UNIX)
			continue;
		stale_remove(a);
		listeners[i].fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (listeners[i].fd == -1)
			die_address(a, "unable to make a socket");
		old = umask(0777 & ~mode);
		r = bind(listeners[i].fd, (struct sockaddr *)&a->socket, a->len);
		umask(old);
		if (r == -1)
			die_address(a, "unable to bind");
	}
}

static void
listen_all(int backlog)
{
	for (size_t i = 0; i < listener_count; i++) {
		char text[200];

		if (listen(listeners[i].fd, backlog) == -1)
			die_address(&listeners[i].address, "unable to listen");
		describe(text, &listeners[i].address);
		fprintf(stderr, "tern-listen: listening on %s\n", text);
	}
}

/* First out of the way of the places they get, then each to its place. */
static void
descriptors_arrange(void)
{
	char count[16];

	for (size_t i = 0; i < listener_count; i++) {
		int high = SERVICE_LISTENER_MORE + SERVICE_LISTENERS_MAX;
		int moved = fcntl(listeners[i].fd, F_DUPFD_CLOEXEC, high);

		if (moved == -1)
			die(EXIT_TEMPORARY, "unable to arrange descriptors: %s", strerror(errno));
		close(listeners[i].fd);
		listeners[i].fd = moved;
	}
	for (size_t i = 0; i < listener_count; i++) {
		int place = i == 0 ? 0 : SERVICE_LISTENER_MORE + (int)i - 1;

		if (dup2(listeners[i].fd, place) == -1)
			die(EXIT_TEMPORARY, "unable to arrange descriptors: %s", strerror(errno));
	}
	snprintf(count, sizeof count, "%zu", listener_count);
	if (setenv("TERN_LISTENERS", count, 1) == -1)
		die(EXIT_TEMPORARY, "unable to set the environment: %s", strerror(errno));
}

/* Permission bits in octal, as chmod(1) takes them. Returns 0, or -1. */
static int
mode_parse(char const *text, mode_t *mode)
{
	char *end;
	unsigned long n = strtoul(text, &end, 8);

	if (text[0] < '0' || text[0] > '7' || *end || n > 0777)
		return -1;
	*mode = (mode_t)n;
	return 0;
}

int
main(int argc, char **argv)
{
	uint64_t backlog = BACKLOG_DEFAULT;
	mode_t mode = MODE_DEFAULT;
	char const *user = NULL;
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, "+b:m:u:")) != -1) {
		int good = 1;

		switch (option) {
		case 'b':
			good = number_parse(span_string(optarg), BACKLOG_MAX, &backlog) == 0;
			break;
		case 'm': good = mode_parse(optarg, &mode) == 0; break;
		case 'u': user = optarg; break;
		default: good = 0;
		}
		if (!good)
			die_usage();
	}
	if (argc - optind < 2)
		die_usage();
	if (home_enter() == -1)
		die(EXIT_PERMANENT, "unable to enter the home %s: %s", home_path(),
			strerror(errno));
	listeners_choose(argv[optind]);
	v4_settle();
	tcp_bind_all();
	if (user)
		confine_capabilities_bound();
	if (user && privilege_become_owner(user) == -1)
		die(EXIT_PERMANENT, "unable to become the owner of %s: %s", user, strerror(errno));
	unix_bind_all(mode); /* as the user: a directory of its own is no place for root to write */
	listen_all((int)backlog);
	descriptors_arrange();
	execvp(argv[optind + 1], argv + optind + 1);
	die(EXIT_PERMANENT, "unable to run %s: %s", argv[optind + 1], strerror(errno));
}
