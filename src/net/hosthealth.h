#ifndef NET_HOSTHEALTH_H
#define NET_HOSTHEALTH_H

#include <stddef.h>
#include <stdint.h>

#include "net/mailhosts.h"
#include "wire/relayhealth.h"

/*
 * Which relays and hosts failed lately: run/remote/health, a file of slots
 * (wire/relayhealth.h) that all workers share, and that survives them. It
 * begins empty, and grows to a fixed number of slots; then the failure that is
 * longest ago makes room.
 *
 * A slot is written whole, without a lock, by whoever learns something. What
 * two of them write at once, or a broken file says, costs at worst that a host
 * is tried too early or too late; it is never left out.
 */
enum { HOSTHEALTH_SLOTS = RELAYHEALTH_SLOTS };

extern char const hosthealth_path[];

struct hosthealth {
	int fd; /* -1: nothing is remembered */
	size_t length;
	struct relayhealth slot[HOSTHEALTH_SLOTS]; /* failures 0: free */
};

/*
 * Opens the file, before this process is confined; makes it when it is missing,
 * but not as root, whose file nobody else could use. When it can not be opened,
 * or is no file, nothing is remembered: returns -1 with errno; else 0.
 */
int hosthealth_open(struct hosthealth *health);

/* Looks at what is known now: one read. */
void hosthealth_read(struct hosthealth *health);

/* What is known of a host as of the last read; NULL when it did not fail lately. */
struct relayhealth const *hosthealth_find(
	struct hosthealth const *health, struct netaddress const *address, uint16_t port);

/*
 * A host failed. While it is paused that is no news: so a failure that many
 * workers see at once counts once. Looks at the file again before it writes.
 */
void hosthealth_failed(
	struct hosthealth *health, struct netaddress const *address, uint16_t port, int64_t now);

/* It works, or is to be treated as if. Writes only when a failure is known. */
void hosthealth_forget(struct hosthealth *health, struct netaddress const *address, uint16_t port);

/* Whether it is to be tried last, as of the last read. */
int hosthealth_is_paused(struct hosthealth const *health, struct mailhost const *host, int64_t now);

#endif
