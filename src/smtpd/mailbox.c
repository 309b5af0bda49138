#include "smtpd/mailbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"

static char const socket_path[] = "run/lookup/socket";

/* One answer that was given. */
struct remembered {
	int64_t until; /* clock_monotonic() */
	enum verification verification;
	size_t len;
	char local[ADDRESS_LIMIT];
};

static struct remembered cache[MAILBOX_CACHE];

static struct remembered const *
recall(struct span local)
{
	int64_t now = clock_monotonic();

	for (size_t i = 0; i < MAILBOX_CACHE; i++)
		if (cache[i].until > now && span_equal(local, span(cache[i].local, cache[i].len)))
			return &cache[i];
	return NULL;
}

/* In the place of what would be forgotten first. */
static void
remember(struct span local, enum verification verification)
{
	struct remembered *place = cache;
	int seconds = verification == VERIFICATION_YES ? MAILBOX_YES_MAX : MAILBOX_NO_MAX;

	for (size_t i = 1; i < MAILBOX_CACHE; i++)
		if (cache[i].until < place->until)
			place = &cache[i];
	place->until = clock_monotonic() + seconds * INT64_C(1000);
	place->verification = verification;
	place->len = local.len;
	memcpy(place->local, local.s, local.len);
}

/* Returns a socket, or -1 with errno. */
static int
helper_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = MAILBOX_TIMEOUT};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd == -1)
		return -1;
	memcpy(address.sun_path, socket_path, sizeof socket_path);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
		connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Asks, and reads to the NUL of the answer. Returns its length; 0 when there is none. */
static size_t
exchange(int fd, struct span question, char *answer)
{
	size_t len = 0;

	if (send(fd, question.s, question.len, MSG_NOSIGNAL) != (ssize_t)question.len)
		return 0;
	do {
		ssize_t n = read(fd, answer + len, VERIFICATION_ANSWER_MAX - len);

		if (n <= 0)
			return 0;
		len += (size_t)n;
	} while (len < VERIFICATION_ANSWER_MAX && answer[len - 1] != '\0');
	return len;
}

static enum verification
trouble(struct span *why, char const *what)
{
	*why = span_string(what);
	return VERIFICATION_TROUBLE;
}

static enum verification
ask(struct span local, struct span *why)
{
	static stralloc question = STRALLOC_ZERO;
	static char answer[VERIFICATION_ANSWER_MAX];
	enum verification verification;
	size_t len;
	int fd;

	question.len = 0;
	if (!verification_question_format(&question, local))
		return trouble(why, "out of memory");
	fd = helper_connect();
	if (fd == -1)
		return trouble(why, strerror(errno));
	len = exchange(fd, span(question.s, question.len), answer);
	close(fd);
	if (verification_answer_parse(&verification, why, answer, len) == -1)
		return trouble(why, "tern-verify gave no answer");
	return verification;
}

enum verification
mailbox_verify(struct settings const *settings, struct span address, struct span *why)
{
	static stralloc routed = STRALLOC_ZERO;
	struct remembered const *known;
	enum verification verification;
	struct span domain, local;
	int kind = domains_route(&settings->domains, address, &routed, &domain);

	if (kind == -1)
		return trouble(why, "out of memory");
	if (kind != ADDRESS_LOCAL)
		return VERIFICATION_YES;
	local = span(routed.s, (size_t)(domain.s - routed.s) - 1);
	if (local.len == 0 || local.len >= ADDRESS_LIMIT)
		return VERIFICATION_NO;
	known = recall(local);
	if (known)
		return known->verification;
	verification = ask(local, why);
	if (verification != VERIFICATION_TROUBLE)
		remember(local, verification);
	return verification;
}
