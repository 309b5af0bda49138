/*
 * sink: not a test but a tool of the benchmark. Takes mail by SMTP and counts
 * it; answers each command at once, or after a time, as a server far away.
 *
 *   sink [-d milliseconds] [-n slots] -o tally address:port...
 *
 * Each reply leaves that long after its command came, so that pipelined
 * commands wait once. A message says its number in a field "X-Bench: N".
 * Runs until it is killed. Trusts its clients: they are the benchmark's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/bench/tally.h"

enum { LINE_MAX_SIZE = 16 * 1024, FILES_MAX = 65536, EVENTS = 256, BACKLOG = 4096 };

enum mode { COMMANDS, HEADER, BODY };

struct connection {
	enum mode mode;
	unsigned generation; /* tells a reply that waits whether its connection is still the same */
	uint64_t number;
	uint64_t recipients;
	size_t len;
	char buffer[LINE_MAX_SIZE];
};

/* A reply that waits for its time; all wait equally long, so they leave in order. */
struct reply {
	uint64_t due;
	char const *text;
	int fd;
	unsigned generation;
	struct reply *next;
};

static struct tally *tally;
static uint64_t delay;
static int epoll;
static struct connection *connections[FILES_MAX];
static char listening[FILES_MAX];
static struct reply *oldest, **newest = &oldest;
static char const goodbye[] = "221 2.0.0 bye\r\n";

static void
fail(char const *what)
{
	perror(what);
	exit(111);
}

static void
hang_up(int fd)
{
	connections[fd]->generation++;
	connections[fd]->mode = COMMANDS;
	connections[fd]->len = 0;
	close(fd);
}

/* Replies are small, and clients read them: what does not fit at once is a client gone wrong. */
static void
reply_send(int fd, char const *text)
{
	size_t len = strlen(text);

	if (write(fd, text, len) != (ssize_t)len || text == goodbye)
		hang_up(fd);
}

static void
reply(int fd, char const *text)
{
	struct reply *r;

	if (!delay) {
		reply_send(fd, text);
		return;
	}
	r = malloc(sizeof *r);
	if (!r)
		fail("reply");
	*r = (struct reply){tally_now() + delay, text, fd, connections[fd]->generation, NULL};
	*newest = r;
	newest = &r->next;
}

/* Sends what is due; returns the milliseconds until the next is, or -1 when none waits. */
static int
replies_due(void)
{
	uint64_t now = tally_now();

	while (oldest && oldest->due <= now) {
		struct reply *r = oldest;

		oldest = r->next;
		if (!oldest)
			newest = &oldest;
		if (connections[r->fd]->generation == r->generation)
			reply_send(r->fd, r->text);
		free(r);
	}
	return oldest ? (int)((oldest->due - now) / 1000000 + 1) : -1;
}

static void
message_count(struct connection *c)
{
	tally->last = tally_now();
	if (c->number < tally->slots && !tally->times[c->number])
		tally->times[c->number] = tally->last;
	tally->recipients += c->recipients;
	__atomic_add_fetch(&tally->messages, 1, __ATOMIC_RELEASE);
}

static void
command(int fd, struct connection *c, char const *line)
{
	if (strncasecmp(line, "EHLO", 4) == 0) {
		reply(fd, "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 0\r\n");
	} else if (strncasecmp(line, "DATA", 4) == 0) {
		c->mode = HEADER;
		c->number = UINT64_MAX;
		reply(fd, "354 go on\r\n");
	} else if (strncasecmp(line, "QUIT", 4) == 0) {
		reply(fd, goodbye);
	} else {
		if (strncasecmp(line, "MAIL", 4) == 0 || strncasecmp(line, "RSET", 4) == 0)
			c->recipients = 0;
		else if (strncasecmp(line, "RCPT", 4) == 0)
			c->recipients++;
		reply(fd, "250 2.0.0 ok\r\n");
	}
}

static void
line_take(int fd, struct connection *c, char const *line, size_t len)
{
	if (c->mode == COMMANDS) {
		command(fd, c, line);
	} else if (line[0] == '.' && len == 2) {
		c->mode = COMMANDS;
		message_count(c);
		reply(fd, "250 2.0.0 taken\r\n");
	} else if (c->mode == HEADER) {
		if (len == 1)
			c->mode = BODY;
		else if (strncasecmp(line, "X-Bench: ", 9) == 0)
			c->number = strtoull(line + 9, NULL, 10);
	}
}

static void
connection_read(int fd)
{
	struct connection *c = connections[fd];
	unsigned generation = c->generation;
	ssize_t n = read(fd, c->buffer + c->len, LINE_MAX_SIZE - c->len);
	char *line = c->buffer, *end, *lf;

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			hang_up(fd);
		return;
	}
	end = c->buffer + c->len + n;
	while ((lf = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		*lf = 0;
		line_take(fd, c, line, (size_t)(lf - line));
		if (c->generation != generation)
			return;
		line = lf + 1;
	}
	c->len = (size_t)(end - line);
	if (c->len == LINE_MAX_SIZE)
		c->len = 0; /* part of a body's endless line */
	memmove(c->buffer, line, c->len);
}

static void
connection_accept(int listener)
{
	int one = 1, fd = accept(listener, NULL, NULL);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (fd == -1)
		return;
	if (fd >= FILES_MAX) {
		close(fd);
		return;
	}
	if (!connections[fd] && !(connections[fd] = calloc(1, sizeof **connections)))
		fail("connection");
	if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1 ||
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == -1 ||
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1)
		fail("accept");
	if (!tally->first)
		tally->first = tally_now();
	tally->connections++;
	reply(fd, "220 sink.test ESMTP\r\n");
}

static void
listen_on(char const *where)
{
	char host[64];
	char const *colon = strrchr(where, ':');
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct epoll_event event = {.events = EPOLLIN};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	if (!colon || (size_t)(colon - where) >= sizeof host)
		fail(where);
	memcpy(host, where, (size_t)(colon - where));
	host[colon - where] = 0;
	address.sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1 || fd == -1 || fd >= FILES_MAX ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == -1 ||
		bind(fd, (struct sockaddr *)&address, sizeof address) == -1 ||
		listen(fd, BACKLOG) == -1)
		fail(where);
	listening[fd] = 1;
	event.data.fd = fd;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1)
		fail(where);
}

int
main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	char const *path = NULL;
	uint64_t slots = 0;
	int option;

	while ((option = getopt(argc, argv, "d:n:o:")) != -1) {
		if (option == 'd')
			delay = strtoull(optarg, NULL, 10) * 1000000;
		else if (option == 'n')
			slots = strtoull(optarg, NULL, 10);
		else if (option == 'o')
			path = optarg;
	}
	if (!path || optind == argc) {
		fputs("usage: sink [-d milliseconds] [-n slots] -o tally address:port...\n",
			stderr);
		return 100;
	}
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll == -1)
		fail("epoll");
	tally = tally_open(path, slots);
	for (int i = optind; i < argc; i++)
		listen_on(argv[i]);
	tally->ready = 1;
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, replies_due());

		for (int i = 0; i < n; i++) {
			if (listening[events[i].data.fd])
				connection_accept(events[i].data.fd);
			else
				connection_read(events[i].data.fd);
		}
	}
}
