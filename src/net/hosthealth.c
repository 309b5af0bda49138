#include "net/hosthealth.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/durable.h"

enum { HOSTHEALTH_MODE = 0600 };

char const hosthealth_path[] = "run/remote/health";

/* What waits when it is opened or read, as a pipe would, must not stop us. */
int
hosthealth_open(struct hosthealth *health)
{
	int make = geteuid() == 0 ? 0 : O_CREAT;
	struct stat st;

	health->length = 0;
	health->fd = open(hosthealth_path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | make,
		HOSTHEALTH_MODE);
	if (health->fd == -1)
		return -1;
	if (fstat(health->fd, &st) == 0 && S_ISREG(st.st_mode))
		return 0;
	close(health->fd);
	health->fd = -1;
	errno = EINVAL;
	return -1;
}

void
hosthealth_read(struct hosthealth *health)
{
	static char text[HOSTHEALTH_SLOTS * RELAYHEALTH_SLOT];
	ssize_t n = health->fd == -1 ? 0 : durable_read_at(health->fd, text, sizeof text, 0);

	health->length = n > 0 ? (size_t)n / RELAYHEALTH_SLOT : 0;
	for (size_t i = 0; i < health->length; i++)
		if (relayhealth_parse(&health->slot[i], text + i * RELAYHEALTH_SLOT) == -1)
			health->slot[i].failures = 0;
}

static int
is_of(struct relayhealth const *slot, struct netaddress const *address, uint16_t port)
{
	return slot->failures && slot->port == port &&
	       memcmp(&slot->address, address, sizeof *address) == 0;
}

struct relayhealth const *
hosthealth_find(struct hosthealth const *health, struct netaddress const *address, uint16_t port)
{
	for (size_t i = 0; i < health->length; i++)
		if (is_of(&health->slot[i], address, port))
			return &health->slot[i];
	return NULL;
}

/* The slot for a host that has none. */
static size_t
slot_free(struct hosthealth const *health)
{
	size_t oldest = 0;

	for (size_t i = 0; i < health->length; i++) {
		if (health->slot[i].failures == 0)
			return i;
		if (health->slot[i].failed < health->slot[oldest].failed)
			oldest = i;
	}
	return health->length < HOSTHEALTH_SLOTS ? health->length : oldest;
}

/* What can not be written is not remembered. */
static void
slot_write(struct hosthealth *health, size_t i, char const text[RELAYHEALTH_SLOT])
{
	ssize_t written = pwrite(health->fd, text, RELAYHEALTH_SLOT, (off_t)i * RELAYHEALTH_SLOT);

	(void)written;
}

void
hosthealth_failed(
	struct hosthealth *health, struct netaddress const *address, uint16_t port, int64_t now)
{
	struct relayhealth failed = {*address, port, 1, now};
	struct relayhealth const *known;
	char text[RELAYHEALTH_SLOT];

	if (health->fd == -1 || port == 0)
		return;
	hosthealth_read(health);
	known = hosthealth_find(health, address, port);
	if (known && relayhealth_is_paused(known, now))
		return;
	if (known)
		failed.failures += known->failures;
	relayhealth_format(text, &failed);
	slot_write(health, known ? (size_t)(known - health->slot) : slot_free(health), text);
}

void
hosthealth_forget(struct hosthealth *health, struct netaddress const *address, uint16_t port)
{
	char text[RELAYHEALTH_SLOT];

	if (!hosthealth_find(health, address, port))
		return;
	relayhealth_format_free(text);
	hosthealth_read(health); /* the slot may have become another's */
	for (size_t i = 0; i < health->length; i++)
		if (is_of(&health->slot[i], address, port))
			slot_write(health, i, text);
}

int
hosthealth_is_paused(struct hosthealth const *health, struct mailhost const *host, int64_t now)
{
	struct relayhealth const *known = hosthealth_find(health, &host->address, host->port);

	return known && relayhealth_is_paused(known, now);
}
