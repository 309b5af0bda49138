#include "smtpd/blocklist.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <skalibs/random.h>

#include "lib/clock.h"
#include "net/connect.h"

enum { PACKETS_AT_ONCE = 32 }; /* that one look takes, of whoever sent them */

void
blocklist_open(struct blocklist *b, struct settings const *settings)
{
	b->lists = &settings->dnsbls;
	b->servers = 0;
	b->known_until = 0;
	for (size_t i = 0; b->lists->count && i < settings->dns_servers; i++) {
		int fd = connect_udp(&settings->dns[i].address, settings->dns[i].port);

		if (fd != -1)
			b->fd[b->servers++] = fd;
	}
}

static int
is_waiting(struct blocklist const *b)
{
	for (size_t i = 0; b->servers && i < b->lists->count; i++)
		if (b->list[i].answer == BLOCKLIST_WAITING)
			return 1;
	return 0;
}

/* Asks the next server, or the last one again, what is not yet answered. */
static void
questions_send(struct blocklist *b)
{
	char query[DNS_QUERY_MAX];

	if (b->asked < b->servers)
		b->asked++;
	b->asked_at = clock_monotonic();
	for (size_t i = 0; i < b->lists->count; i++) {
		size_t len;

		if (b->list[i].answer != BLOCKLIST_WAITING)
			continue;
		len = dns_query_format(query, b->list[i].id, &b->list[i].question, DNS_A, 1);
		/* What does not leave is as what gets lost. */
		(void)send(b->fd[b->asked - 1], query, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

void
blocklist_ask(struct blocklist *b, struct netaddress const *client)
{
	int64_t now = clock_monotonic();

	if (b->servers == 0 || (now < b->known_until && memcmp(client->bytes, b->client.bytes,
								sizeof client->bytes) == 0))
		return;
	b->client = *client;
	b->asked = 0;
	b->deadline = now + BLOCKLIST_TIMEOUT;
	b->known_until = now + BLOCKLIST_KEPT;
	for (size_t i = 0; i < b->lists->count; i++) {
		int good = dns_name_reverse(
				   &b->list[i].question, client, b->lists->dnsbl[i].zone) == 0;

		b->list[i].answer = good ? BLOCKLIST_WAITING : BLOCKLIST_NONE;
		random_buf((char *)&b->list[i].id, sizeof b->list[i].id);
	}
	questions_send(b);
}

static enum blocklist_answer
answer_read(struct dnsbl const *dnsbl, struct dns_answer *answer)
{
	enum blocklist_answer result = BLOCKLIST_NONE;
	struct dns_record record;
	struct netaddress address;

	if (answer->rcode == DNS_NXDOMAIN)
		return BLOCKLIST_NONE;
	if (answer->truncated || answer->referral || answer->rcode != DNS_NOERROR)
		return BLOCKLIST_ALARM;
	while (dns_answer_next(answer, &record)) {
		if (netaddress_of_bytes(&address, record.data) == -1)
			continue;
		switch (dnsbl_read(dnsbl, &address)) {
		case DNSBL_ALARM: return BLOCKLIST_ALARM;
		case DNSBL_LISTED: result = BLOCKLIST_LISTED; break;
		case DNSBL_NOTHING: break;
		}
	}
	return result;
}

/* What is no answer to one of the questions is as if it had not come. */
static void
packet_take(struct blocklist *b, char const *packet, size_t len)
{
	struct dns_answer answer;

	for (size_t i = 0; i < b->lists->count; i++) {
		if (b->list[i].answer != BLOCKLIST_WAITING ||
			dns_answer_parse(&answer, packet, len, b->list[i].id, &b->list[i].question,
				DNS_A) == -1)
			continue;
		b->list[i].answer = answer_read(&b->lists->dnsbl[i], &answer);
		return;
	}
}

void
blocklist_look(struct blocklist *b)
{
	static char packet[DNS_UDP_PAYLOAD];

	for (unsigned taken = 0; taken < PACKETS_AT_ONCE && is_waiting(b); taken++) {
		ssize_t n = -1;

		for (size_t i = 0; i < b->asked && n == -1; i++)
			n = recv(b->fd[i], packet, sizeof packet, MSG_DONTWAIT);
		if (n == -1)
			break;
		packet_take(b, packet, (size_t)n);
	}
	if (is_waiting(b) && clock_monotonic() - b->asked_at > BLOCKLIST_AGAIN)
		questions_send(b);
}

struct span
blocklist_get(struct blocklist *b)
{
	while (is_waiting(b)) {
		struct pollfd p[SETTINGS_DNS_MAX];
		int64_t left = b->deadline - clock_monotonic();

		blocklist_look(b);
		if (left <= 0 || !is_waiting(b))
			break;
		for (size_t i = 0; i < b->servers; i++)
			p[i] = (struct pollfd){.fd = b->fd[i], .events = POLLIN};
		if (left > BLOCKLIST_AGAIN)
			left = BLOCKLIST_AGAIN;
		if (poll(p, b->servers, (int)left) == -1 && errno != EINTR)
			break;
	}
	for (size_t i = 0; b->servers && i < b->lists->count; i++)
		if (b->list[i].answer == BLOCKLIST_LISTED)
			return b->lists->dnsbl[i].zone;
	return span("", 0);
}

int
blocklist_trouble(struct blocklist *b, size_t *i, struct span *zone, int *is_alarm)
{
	for (; b->servers && *i < b->lists->count; ++*i) {
		enum blocklist_answer answer = b->list[*i].answer;

		if (answer != BLOCKLIST_WAITING && answer != BLOCKLIST_ALARM)
			continue;
		*zone = b->lists->dnsbl[*i].zone;
		*is_alarm = answer == BLOCKLIST_ALARM;
		b->list[*i].answer = BLOCKLIST_NONE;
		return 1;
	}
	return 0;
}
