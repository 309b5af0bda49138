#include "service/queueclient.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/packet.h"

int
queueclient_open(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = QUEUECLIENT_TIMEOUT};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	int e;

	if (fd == -1)
		return -1;
	memcpy(address.sun_path, QUEUECONTROL_SOCKET, sizeof QUEUECONTROL_SOCKET);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
		connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	e = errno;
	close(fd);
	errno = e;
	return -1;
}

int
queueclient_ask(int socket, struct queue_request const *request, stralloc *answer)
{
	stralloc bytes = STRALLOC_ZERO;
	int fds[PACKET_FDS];
	size_t fd_count;
	ssize_t n = -1;

	if (queue_request_format(&bytes, request) &&
		stralloc_readyplus(answer, QUEUECONTROL_PACKET_MAX) &&
		packet_send(socket, span(bytes.s, bytes.len), NULL, 0) == 0)
		n = packet_receive(
			socket, answer->s + answer->len, QUEUECONTROL_PACKET_MAX, fds, &fd_count);
	stralloc_free(&bytes);
	if (n == -1)
		return -1;
	while (fd_count)
		close(fds[--fd_count]);
	if (n == 0) {
		errno = EPROTO;
		return -1;
	}
	answer->len += (size_t)n;
	return 0;
}

/* Asks for a letter an id, and sees that there are as many. */
static int
letters_ask(int socket, struct queue_request const *request, stralloc *answer)
{
	answer->len = 0;
	if (queueclient_ask(socket, request, answer) == -1)
		return -1;
	if (answer->len == request->ids)
		return 0;
	errno = EPROTO;
	return -1;
}

static int
states_ask(int socket, uint64_t const *ids, size_t count, enum queue_state *states)
{
	struct queue_request request = {.verb = VERB_STATE, .ids = count};
	stralloc answer = STRALLOC_ZERO;
	int result;

	memcpy(request.id, ids, count * sizeof *ids);
	result = letters_ask(socket, &request, &answer);
	for (size_t i = 0; result == 0 && i < count; i++)
		if (queue_state_parse(&states[i], answer.s[i]) == -1) {
			errno = EPROTO;
			result = -1;
		}
	stralloc_free(&answer);
	return result;
}

int
queueclient_states(int socket, uint64_t const *ids, size_t count, enum queue_state *states)
{
	for (size_t i = 0; i < count; i += QUEUECONTROL_IDS_MAX) {
		size_t n = count - i < QUEUECONTROL_IDS_MAX ? count - i : QUEUECONTROL_IDS_MAX;

		if (states_ask(socket, ids + i, n, states + i) == -1)
			return -1;
	}
	return 0;
}

int
queueclient_order(
	int socket, enum order order, uint64_t const *ids, size_t count, enum order_result *results)
{
	struct queue_request request = {.verb = VERB_ORDER, .order = order, .ids = count};
	stralloc answer = STRALLOC_ZERO;
	int result;

	memcpy(request.id, ids, count * sizeof *ids);
	result = letters_ask(socket, &request, &answer);
	for (size_t i = 0; result == 0 && i < count; i++)
		if (order_result_parse(&results[i], answer.s[i]) == -1) {
			errno = EPROTO;
			result = -1;
		}
	stralloc_free(&answer);
	return result;
}

int
queueclient_counts(int socket, struct queue_counts *counts)
{
	struct queue_request request = {.verb = VERB_COUNTS};
	stralloc answer = STRALLOC_ZERO;
	int result = queueclient_ask(socket, &request, &answer);

	if (result == 0 && queue_counts_parse(counts, answer.s, answer.len) == -1) {
		errno = EPROTO;
		result = -1;
	}
	stralloc_free(&answer);
	return result;
}
