#include "smtpd/reversename.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <skalibs/random.h>

#include "lib/clock.h"
#include "net/connect.h"

enum { PACKETS_AT_ONCE = 8 }; /* that one look takes, of whoever sent them */

/* Nobody but us knows the names of this machine. */
static int
is_loopback(struct netaddress const *address)
{
	static struct netaddress const v6 = {{[15] = 1}};

	return netaddress_is_v4(address) ? address->bytes[12] == 127
					 : memcmp(address->bytes, v6.bytes, sizeof v6.bytes) == 0;
}

static enum dns_type
question_type(struct reversename const *r)
{
	if (r->state == REVERSE_POINTER)
		return DNS_PTR;
	return netaddress_is_v4(&r->client) ? DNS_A : DNS_AAAA;
}

static void
nameless(struct reversename *r, int troubled)
{
	r->state = REVERSE_NAMELESS;
	r->troubled = troubled;
	r->asked_at = clock_monotonic();
}

/* Asks the next server, or the last one again. */
static void
question_send(struct reversename *r)
{
	char query[DNS_QUERY_MAX];
	size_t len = dns_query_format(query, r->id, &r->question, question_type(r), 1);

	if (r->asked < r->servers)
		r->asked++;
	r->asked_at = clock_monotonic();
	/* What does not leave is as what gets lost. */
	(void)send(r->fd[r->asked - 1], query, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
question_begin(struct reversename *r, enum reversename_state state)
{
	r->state = state;
	r->asked = 0;
	random_buf((char *)&r->id, sizeof r->id);
	question_send(r);
}

void
reversename_open(
	struct reversename *r, struct settings const *settings, struct netaddress const *client)
{
	r->state = REVERSE_IDLE;
	r->servers = 0;
	if (client && is_loopback(client))
		return;
	for (size_t i = 0; i < settings->dns_servers; i++) {
		int fd = connect_udp(&settings->dns[i].address, settings->dns[i].port);

		if (fd != -1)
			r->fd[r->servers++] = fd;
	}
}

void
reversename_ask(struct reversename *r, struct netaddress const *client, int64_t deadline)
{
	int same = memcmp(client->bytes, r->client.bytes, sizeof client->bytes) == 0;

	if (r->servers == 0 || is_loopback(client))
		return;
	r->deadline = deadline;
	if (r->state != REVERSE_IDLE && same &&
		!(r->state == REVERSE_NAMELESS && r->troubled &&
			clock_monotonic() - r->asked_at > REVERSE_PAUSE))
		return;
	r->client = *client;
	r->name.len = 0;
	dns_name_reverse(&r->question, client,
		netaddress_is_v4(client) ? SPAN_LITERAL("in-addr.arpa") : SPAN_LITERAL("ip6.arpa"));
	question_begin(r, REVERSE_POINTER);
}

/* The first name counts: who has several could be called by any. */
static void
pointer_take(struct reversename *r, struct dns_answer *answer)
{
	struct dns_record record;

	if (!dns_answer_next(answer, &record) || record.name.len == 0) {
		nameless(r, 0);
		return;
	}
	r->question = record.name;
	question_begin(r, REVERSE_ADDRESS);
}

static void
address_take(struct reversename *r, struct dns_answer *answer)
{
	struct dns_record record;
	struct netaddress address;

	while (dns_answer_next(answer, &record))
		if (netaddress_of_bytes(&address, record.data) == 0 &&
			memcmp(address.bytes, r->client.bytes, sizeof address.bytes) == 0) {
			r->name = r->question;
			r->state = REVERSE_KNOWN;
			return;
		}
	nameless(r, 0);
}

/* What is no answer to the question is as if it had not come. */
static void
packet_take(struct reversename *r, char const *packet, size_t len)
{
	struct dns_answer answer;

	if (dns_answer_parse(&answer, packet, len, r->id, &r->question, question_type(r)) == -1)
		return;
	if (answer.truncated || answer.referral ||
		(answer.rcode != DNS_NOERROR && answer.rcode != DNS_NXDOMAIN))
		nameless(r, 1);
	else if (answer.rcode == DNS_NXDOMAIN)
		nameless(r, 0);
	else if (r->state == REVERSE_POINTER)
		pointer_take(r, &answer);
	else
		address_take(r, &answer);
}

static int
is_waiting(struct reversename const *r)
{
	return r->state == REVERSE_POINTER || r->state == REVERSE_ADDRESS;
}

void
reversename_look(struct reversename *r)
{
	static char packet[DNS_UDP_PAYLOAD];

	for (unsigned taken = 0; taken < PACKETS_AT_ONCE && is_waiting(r); taken++) {
		ssize_t n = -1;

		for (size_t i = 0; i < r->asked && n == -1; i++)
			n = recv(r->fd[i], packet, sizeof packet, MSG_DONTWAIT);
		if (n == -1)
			break;
		packet_take(r, packet, (size_t)n);
	}
	if (is_waiting(r) && clock_monotonic() - r->asked_at > REVERSE_AGAIN)
		question_send(r);
}

struct span
reversename_get(struct reversename *r)
{
	while (is_waiting(r)) {
		struct pollfd p[SETTINGS_DNS_MAX];
		int64_t left = r->deadline - clock_monotonic();

		if (left <= 0) {
			nameless(r, 1);
			break;
		}
		for (size_t i = 0; i < r->servers; i++)
			p[i] = (struct pollfd){.fd = r->fd[i], .events = POLLIN};
		if (left > REVERSE_AGAIN)
			left = REVERSE_AGAIN;
		if (poll(p, r->servers, (int)left) == -1 && errno != EINTR)
			nameless(r, 1);
		else
			reversename_look(r);
	}
	return r->state == REVERSE_KNOWN ? span(r->name.text, r->name.len) : span("", 0);
}
