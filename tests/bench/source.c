/*
 * source: not a test but a tool of the benchmark. Sends mail by SMTP in
 * several sessions at once, and notes when each message was accepted.
 *
 *   source [-s sessions] [-m messages] [-n messages-per-connection] [-l bytes]
 *          [-r recipients-per-message] [-k modulus] -t recipient -o tally address:port
 *
 * In the recipient %u becomes the number of the recipient, counted over all
 * messages, and %k that modulo the modulus. RCPT commands are pipelined, 100 at a
 * time; nothing else is. A message begins with "X-Bench: N". Exits 1 when
 * something was not accepted, and shows the first such reply.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/bench/tally.h"

enum { IN_MAX = 8192, RECIPIENT_MAX = 200, BATCH = 100, SESSIONS_MAX = 1000, EVENTS = 64 };
enum { HEAD_MAX = 400 };

enum state { BANNER, HELLO, SENDER, RECIPIENTS, GO_AHEAD, TAKEN, GOODBYE };

struct session {
	int fd;
	enum state state;
	unsigned left; /* messages for this connection */
	uint64_t number;
	uint64_t named;   /* recipients sent */
	unsigned awaited; /* replies to them */
	unsigned batch;   /* how many RCPT the server takes at once (RFC 2920) */
	size_t in_len;
	char in[IN_MAX];
	size_t out_len, out_done;
	char *out;
};

static struct tally *tally;
static struct sockaddr_in server = {.sin_family = AF_INET};
static uint64_t messages = 1, begun, recipients = 1, modulus = 1;
static unsigned per_connection = 1, open_sessions;
static size_t size = 4096, out_size;
static char const *pattern;
static char *body;
static int epoll;

static void
fail(char const *what)
{
	perror(what);
	exit(111);
}

/* The text of the message: lines of 70 letters, the last one shorter. */
static void
body_make(void)
{
	enum { LINE = 72 };

	body = malloc(size + 1);
	if (!body)
		fail("body");
	for (size_t i = 0; i < size; i++)
		body[i] = i % LINE == LINE - 2 ? '\r' : i % LINE == LINE - 1 ? '\n' : 'x';
	if (size >= 2)
		memcpy(body + size - 2, "\r\n", 2);
}

static void
out_write(struct session *s)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
	ssize_t n = write(s->fd, s->out + s->out_done, s->out_len - s->out_done);

	if (n == -1 && errno != EAGAIN)
		return; /* the reply, or its absence, will tell */
	s->out_done += n > 0 ? (size_t)n : 0;
	if (s->out_done < s->out_len)
		event.events |= EPOLLOUT;
	else
		s->out_done = s->out_len = 0;
	if (epoll_ctl(epoll, EPOLL_CTL_MOD, s->fd, &event) == -1)
		fail("epoll");
}

static void
say(struct session *s, char const *text)
{
	s->out_len = strlen(text);
	memcpy(s->out, text, s->out_len);
	out_write(s);
}

static void
recipients_say(struct session *s)
{
	while (s->named < recipients && s->awaited < s->batch) {
		uint64_t number = s->number * recipients + s->named;
		char *p = s->out + s->out_len;

		p += sprintf(p, "RCPT TO:<");
		for (char const *t = pattern; *t; t++) {
			if (t[0] == '%' && t[1] == 'u')
				p += sprintf(p, "%llu", (unsigned long long)number), t++;
			else if (t[0] == '%' && t[1] == 'k')
				p += sprintf(p, "%llu", (unsigned long long)(number % modulus)),
					t++;
			else
				*p++ = *t;
		}
		p += sprintf(p, ">\r\n");
		s->out_len = (size_t)(p - s->out);
		s->named++;
		s->awaited++;
	}
	out_write(s);
}

static void
text_say(struct session *s)
{
	int n = sprintf(s->out,
		"X-Bench: %llu\r\nFrom: <ann@source.test>\r\nTo: <bob@sink.test>\r\n"
		"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <%llu.%ld@source.test>\r\n"
		"Subject: a message of the benchmark\r\n\r\n",
		(unsigned long long)s->number, (unsigned long long)s->number, (long)getpid());

	memcpy(s->out + n, body, size);
	memcpy(s->out + (size_t)n + size, ".\r\n", 3);
	s->out_len = (size_t)n + size + 3;
	out_write(s);
}

static void
session_open(struct session *s)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = s};
	int one = 1;

	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (s->fd == -1 || fcntl(s->fd, F_SETFL, O_NONBLOCK) == -1 ||
		setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == -1 ||
		epoll_ctl(epoll, EPOLL_CTL_ADD, s->fd, &event) == -1)
		fail("socket");
	if (!tally->first)
		tally->first = tally_now();
	tally->connections++;
	s->state = BANNER;
	s->left = per_connection;
	s->batch = 1;
	s->in_len = s->out_len = s->out_done = 0;
	if (connect(s->fd, (struct sockaddr *)&server, sizeof server) == -1 && errno != EINPROGRESS)
		fail("connect");
	open_sessions++;
}

static void
session_next(struct session *s)
{
	close(s->fd);
	open_sessions--;
	if (begun < messages)
		session_open(s);
}

static void
message_begin(struct session *s)
{
	if (begun == messages || !s->left) {
		s->state = GOODBYE;
		say(s, "QUIT\r\n");
		return;
	}
	s->left--;
	s->number = begun++;
	s->named = s->awaited = 0;
	s->state = SENDER;
	say(s, "MAIL FROM:<ann@source.test>\r\n");
}

static void
refused(struct session *s, char const *line)
{
	static char const *const names[] = {
		"the connection", "EHLO", "MAIL", "RCPT", "DATA", "the message", "QUIT"};

	if (!tally->failures++)
		fprintf(stderr, "source: %s got: %s\n", names[s->state], line);
	if (s->state < SENDER)
		begun++; /* so that a server that is not there ends this too */
	session_next(s);
}

/* A whole reply has come. Returns whether the session goes on. */
static int
session_step(struct session *s, char const *line)
{
	if (s->state != GOODBYE && line[0] != (s->state == GO_AHEAD ? '3' : '2')) {
		refused(s, line);
		return 0;
	}
	switch (s->state) {
	case BANNER:
		s->state = HELLO;
		say(s, "EHLO source.test\r\n");
		break;
	case HELLO: message_begin(s); break;
	case SENDER:
		s->state = RECIPIENTS;
		recipients_say(s);
		break;
	case RECIPIENTS:
		if (--s->awaited)
			break;
		if (s->named < recipients) {
			recipients_say(s);
			break;
		}
		s->state = GO_AHEAD;
		say(s, "DATA\r\n");
		break;
	case GO_AHEAD:
		s->state = TAKEN;
		text_say(s);
		break;
	case TAKEN:
		tally->last = tally_now();
		tally->times[s->number] = tally->last;
		tally->recipients += recipients;
		__atomic_add_fetch(&tally->messages, 1, __ATOMIC_RELEASE);
		message_begin(s);
		break;
	case GOODBYE: session_next(s); return 0;
	}
	return 1;
}

static void
session_read(struct session *s)
{
	ssize_t n = read(s->fd, s->in + s->in_len, IN_MAX - 1 - s->in_len);
	char *line = s->in, *lf;

	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		if (s->state == GOODBYE)
			session_next(s);
		else
			refused(s, n ? strerror(errno) : "the end of the connection");
		return;
	}
	s->in_len += (size_t)n;
	s->in[s->in_len] = 0;
	while ((lf = strchr(line, '\n')) != NULL) {
		*lf = 0;
		if (s->state == HELLO && lf - line > 4 && strncmp(line + 4, "PIPELINING", 10) == 0)
			s->batch = BATCH;
		if (lf - line >= 4 && line[3] != '-' && !session_step(s, line))
			return;
		line = lf + 1;
	}
	s->in_len = (size_t)(s->in + s->in_len - line);
	memmove(s->in, line, s->in_len);
}

static int
server_parse(char const *where)
{
	char host[64];
	char const *colon = strrchr(where, ':');

	if (!colon || (size_t)(colon - where) >= sizeof host)
		return 0;
	memcpy(host, where, (size_t)(colon - where));
	host[colon - where] = 0;
	server.sin_port = htons((uint16_t)atoi(colon + 1));
	return inet_pton(AF_INET, host, &server.sin_addr) == 1;
}

int
main(int argc, char **argv)
{
	static struct session sessions[SESSIONS_MAX];
	struct epoll_event events[EVENTS];
	char const *path = NULL;
	unsigned long count = 1;
	int option;

	while ((option = getopt(argc, argv, "s:m:n:l:r:k:t:o:")) != -1) {
		unsigned long long number = strtoull(optarg, NULL, 10);

		switch (option) {
		case 's': count = (unsigned long)number; break;
		case 'm': messages = number; break;
		case 'n': per_connection = (unsigned)number; break;
		case 'l': size = (size_t)number; break;
		case 'r': recipients = number; break;
		case 'k': modulus = number; break;
		case 't': pattern = optarg; break;
		case 'o': path = optarg; break;
		default: return 100;
		}
	}
	if (!pattern || strlen(pattern) > RECIPIENT_MAX || !path || !modulus ||
		count > SESSIONS_MAX || optind + 1 != argc || !server_parse(argv[optind])) {
		fputs("source: wrong use: see the top of source.c\n", stderr);
		return 100;
	}
	tally = tally_open(path, messages);
	body_make();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll == -1)
		fail("epoll");
	out_size = HEAD_MAX + size + BATCH * (RECIPIENT_MAX + 100);
	for (unsigned long i = 0; i < count && i < messages; i++) {
		sessions[i].out = malloc(out_size);
		if (!sessions[i].out)
			fail("session");
		session_open(&sessions[i]);
	}
	tally->ready = 1;
	while (open_sessions) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct session *s = events[i].data.ptr;

			if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
				session_read(s);
			else if (s->out_done < s->out_len || events[i].events & EPOLLOUT)
				out_write(s);
		}
	}
	return tally->failures ? 1 : 0;
}
