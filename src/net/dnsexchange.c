#include "net/dnsexchange.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <skalibs/random.h>

#include "net/connect.h"

static uint16_t
random_id(void)
{
	uint16_t id;

	random_buf((char *)&id, sizeof id);
	return id;
}

/* Closes fd and passes on the result with its errno. */
static int
close_after(int fd, int result)
{
	int e = errno;

	close(fd);
	errno = e;
	return result;
}

static int
answer_take(struct resolver *resolver, size_t len, uint16_t id, struct dns_question const *question)
{
	if (dns_answer_parse(&resolver->answer, resolver->message, len, id, question->name,
		    question->type) == 0)
		return 0;
	errno = EBADMSG;
	return -1;
}

static int
has_id(char const *message, size_t len, uint16_t id)
{
	return len >= 2 && (unsigned char)message[0] == id >> 8 &&
	       (unsigned char)message[1] == (id & 0xff);
}

/*
 * Packets with another id are late answers, or guesses of someone who wants
 * to be believed: they do not end the wait, but many of them do.
 */
static int
udp_receive(struct resolver *resolver, int fd, uint16_t id, struct dns_question const *question,
	int64_t deadline)
{
	for (unsigned strays = 0; strays < RESOLVER_STRAYS_MAX;) {
		ssize_t n = recv(fd, resolver->message, sizeof resolver->message, 0);

		if (n >= 0 && has_id(resolver->message, (size_t)n, id))
			return answer_take(resolver, (size_t)n, id, question);
		if (n >= 0)
			strays++;
		else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		if (n == -1 && connect_wait(fd, POLLIN, deadline) == -1)
			return -1;
	}
	errno = EBADMSG;
	return -1;
}

int
dns_exchange_udp(struct resolver *resolver, struct resolver_server const *server,
	struct dns_question const *question, int64_t deadline)
{
	char query[DNS_QUERY_MAX];
	uint16_t id = random_id();
	size_t len = dns_query_format(query, id, question->name, question->type, question->edns);
	int fd = connect_udp(&server->address, server->port);

	if (fd == -1)
		return -1;
	if (send(fd, query, len, 0) == -1)
		return close_after(fd, -1);
	return close_after(fd, udp_receive(resolver, fd, id, question, deadline));
}

static int
tcp_read(int fd, char *s, size_t len, int64_t deadline)
{
	for (size_t done = 0; done < len;) {
		ssize_t n;

		if (connect_wait(fd, POLLIN, deadline) == -1)
			return -1;
		n = recv(fd, s + done, len - done, MSG_DONTWAIT);
		if (n == 0) {
			errno = EBADMSG;
			return -1;
		}
		if (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

/* RFC 1035, 4.2.2: each message comes after its length. */
static int
tcp_converse(
	struct resolver *resolver, int fd, struct dns_question const *question, int64_t deadline)
{
	char query[2 + DNS_QUERY_MAX], length[2];
	uint16_t id = random_id();
	size_t len =
		dns_query_format(query + 2, id, question->name, question->type, question->edns);

	query[0] = (char)(len >> 8);
	query[1] = (char)(len & 0xff);
	/* A new connection takes so few bytes at once. */
	if (send(fd, query, 2 + len, MSG_NOSIGNAL) == -1 || tcp_read(fd, length, 2, deadline) == -1)
		return -1;
	len = (size_t)(unsigned char)length[0] << 8 | (unsigned char)length[1];
	if (tcp_read(fd, resolver->message, len, deadline) == -1 ||
		answer_take(resolver, len, id, question) == -1)
		return -1;
	if (!resolver->answer.truncated)
		return 0;
	errno = EBADMSG;
	return -1;
}

int
dns_exchange_tcp(struct resolver *resolver, struct resolver_server const *server,
	struct dns_question const *question, int64_t deadline)
{
	int fd = connect_tcp(&server->address, server->port, NULL, deadline);

	if (fd == -1)
		return -1;
	return close_after(fd, tcp_converse(resolver, fd, question, deadline));
}
