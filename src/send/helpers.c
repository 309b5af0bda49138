#include "send/helpers.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#include "lib/packet.h"
#include "lib/text.h"
#include "send/counters.h"
#include "send/history.h"
#include "send/log.h"
#include "send/queue.h"
#include "spool/layout.h"
#include "wire/answer.h"
#include "wire/bouncejob.h"

/* --- tern-clean --- */

struct removal {
	uint64_t id;
	int log_end;
	int set_aside;
};

static stralloc requests = STRALLOC_ZERO; /* not yet written */
static genalloc asked = GENALLOC_ZERO;    /* struct removal, in the order of the requests */
static size_t asked_first;
static genalloc refused = GENALLOC_ZERO; /* struct removal, to be asked again */

enum { REQUEST_MAX = 22 }; /* the mark, 20 digits and a newline */

int
clean_reserve(unsigned messages)
{
	size_t more = messages + genalloc_len(struct removal, &refused);

	return genalloc_readyplus(struct removal, &asked, more) &&
			       genalloc_readyplus(struct removal, &refused, messages) &&
			       stralloc_readyplus(&requests, more * REQUEST_MAX)
		       ? 0
		       : -1;
}

/* All of it or nothing: what we remember and what is written must agree. */
static void
removal_ask(struct removal removal)
{
	size_t before = requests.len;

	if (text_append(&requests, removal.set_aside ? "!" : "", (char *)NULL) &&
		text_append_number(&requests, removal.id) && stralloc_catb(&requests, "\n", 1) &&
		genalloc_append(struct removal, &asked, &removal))
		return;
	requests.len = before;
	queue_forget(removal.id);
	log_alert("out of memory; what can not be removed will be found again later", span("", 0));
}

void
clean_remove(uint64_t id, int log_end_of_message)
{
	removal_ask((struct removal){id, log_end_of_message, 0});
}

void
clean_set_aside(uint64_t id)
{
	removal_ask((struct removal){id, 0, 1});
}

int
clean_wants_to_write(void)
{
	return requests.len > 0;
}

int
clean_write(void)
{
	ssize_t n;

	if (requests.len == 0)
		return 0;
	n = write(CLEAN_REQUESTS, requests.s, requests.len);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	memmove(requests.s, requests.s + n, requests.len - (size_t)n);
	requests.len -= (size_t)n;
	return 0;
}

int
clean_is_busy(void)
{
	return asked_first < genalloc_len(struct removal, &asked);
}

int
clean_is_removing(uint64_t id)
{
	for (size_t i = asked_first; i < genalloc_len(struct removal, &asked); i++)
		if (genalloc_s(struct removal, &asked)[i].id == id)
			return 1;
	for (size_t i = 0; i < genalloc_len(struct removal, &refused); i++)
		if (genalloc_s(struct removal, &refused)[i].id == id)
			return 1;
	return 0;
}

static int
answer_take(char answer)
{
	struct removal removal;

	if (!clean_is_busy() || (answer != '+' && answer != '!'))
		return -1;
	removal = genalloc_s(struct removal, &asked)[asked_first++];
	if (!clean_is_busy()) {
		genalloc_setlen(struct removal, &asked, 0);
		asked_first = 0;
	}
	if (answer == '+') {
		if (removal.log_end && idset_has(&queue_known, removal.id)) {
			log_end(removal.id);
			counters_ended();
		}
		queue_forget(removal.id);
	} else {
		log_message_warning(removal.id, "can not be removed, will try again", span("", 0));
		if (!genalloc_append(struct removal, &refused, &removal))
			log_alert("out of memory; a finished message is not removed", span("", 0));
	}
	return 0;
}

int
clean_read(void)
{
	char answers[512];
	ssize_t n = read(CLEAN_ANSWERS, answers, sizeof answers);

	if (n == -1)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		return -1;
	for (ssize_t i = 0; i < n; i++)
		if (answer_take(answers[i]) == -1)
			return -1;
	return 0;
}

void
clean_retry(void)
{
	size_t n = genalloc_len(struct removal, &refused);

	for (size_t i = 0; i < n; i++)
		removal_ask(genalloc_s(struct removal, &refused)[i]);
	genalloc_setlen(struct removal, &refused, 0);
}

int
clean_retry_waits(void)
{
	return genalloc_len(struct removal, &refused) > 0;
}

/* --- tern-bounce --- */

enum { BOUNCES_AT_ONCE = 8 };

static struct message *bounce_first, **bounce_last = &bounce_first; /* by next_bounce */
static struct message *bounce_unsent;
static unsigned bounces_sent;

void
bounce_request(struct message *m, enum notice_kind kind)
{
	m->notice = kind;
	m->next_bounce = NULL;
	*bounce_last = m;
	bounce_last = &m->next_bounce;
	if (!bounce_unsent)
		bounce_unsent = m;
}

int
bounce_is_asked_for(struct message const *m)
{
	struct message const *each = bounce_first;

	while (each && each != m)
		each = each->next_bounce;
	return each != NULL;
}

int
bounce_wants_to_write(void)
{
	return bounce_unsent && bounces_sent < BOUNCES_AT_ONCE;
}

int
bounce_is_busy(void)
{
	return bounce_first != NULL;
}

void
bounce_count(uint64_t *count, uint64_t *oldest)
{
	*count = *oldest = 0;
	for (struct message const *m = bounce_first; m; m = m->next_bounce) {
		++*count;
		if (*oldest == 0 || m->id < *oldest)
			*oldest = m->id;
	}
}

static int
bounce_send(struct message *m)
{
	static stralloc bytes = STRALLOC_ZERO;
	struct bounce_job job = {m->id, m->notice};
	char path[SPOOL_PATH_MAX];
	int fds[2];
	int result;

	bytes.len = 0;
	spool_hist_path(path, m->id);
	if (!bounce_job_format(&bytes, &job) || message_reopen(m) == -1)
		return -1;
	fds[0] = m->entry.fd;
	fds[1] = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fds[1] == -1)
		return -1;
	result = packet_send(BOUNCE_SOCKET, span(bytes.s, bytes.len), fds, 2);
	close(fds[1]);
	return result;
}

static struct message *
bounce_take(struct message *m)
{
	struct message **at = &bounce_first;

	while (*at != m)
		at = &(*at)->next_bounce;
	*at = m->next_bounce;
	if (bounce_last == &m->next_bounce)
		bounce_last = at;
	return m;
}

int
bounce_write(void)
{
	while (bounce_wants_to_write()) {
		struct message *m = bounce_unsent;

		if (bounce_send(m) == 0) {
			bounces_sent++;
			bounce_unsent = m->next_bounce;
			continue;
		}
		if (errno == EAGAIN)
			return 0;
		if (errno == EPIPE || errno == ECONNRESET)
			return -1;
		bounce_unsent = m->next_bounce;
		message_bounced(bounce_take(m), VERDICT_TROUBLE,
			SPAN_LITERAL("its files can not be opened"));
	}
	return 0;
}

int
bounce_read(void)
{
	static char packet[BOUNCE_PACKET_MAX];
	struct answer answer;
	int fds[PACKET_FDS];
	size_t fd_count;
	struct message *m = bounce_first;
	ssize_t n = packet_receive(BOUNCE_SOCKET, packet, sizeof packet, fds, &fd_count);

	if (n == -1 && errno == EAGAIN)
		return 0;
	while (fd_count)
		close(fds[--fd_count]);
	if (n <= 0 || answer_parse(&answer, packet, (size_t)n) == -1)
		return -1;
	while (m && m != bounce_unsent && m->id != answer.number)
		m = m->next_bounce;
	if (!m || m == bounce_unsent)
		return -1;
	bounces_sent--;
	message_bounced(bounce_take(m), answer.verdict, answer.text);
	return 0;
}
