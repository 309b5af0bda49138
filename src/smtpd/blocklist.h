#ifndef SMTPD_BLOCKLIST_H
#define SMTPD_BLOCKLIST_H

#include <stdint.h>

#include "lib/netaddress.h"
#include "smtpd/settings.h"
#include "wire/dnsmessage.h"

/*
 * Asks the lists of control/dnsbls about a client, all at once, when it comes;
 * the answers are waited for at its first recipient. A list that does not
 * answer in time, or with what is no answer, lists nobody. The worker of a
 * client keeps what it learned for BLOCKLIST_KEPT.
 */
enum {
	BLOCKLIST_TIMEOUT = 4000, /* milliseconds after the client came */
	BLOCKLIST_AGAIN = 1500,   /* milliseconds after which the next server is asked too */
	BLOCKLIST_KEPT = 300000   /* milliseconds */
};

enum blocklist_answer { BLOCKLIST_NONE, BLOCKLIST_WAITING, BLOCKLIST_LISTED, BLOCKLIST_ALARM };

struct blocklist {
	struct dnsbls const *lists;
	int fd[SETTINGS_DNS_MAX];
	size_t servers;
	size_t asked; /* of them */
	int64_t asked_at, deadline, known_until;
	struct netaddress client;
	struct {
		enum blocklist_answer answer;
		uint16_t id;
		struct dns_name question;
	} list[DNSBLS_MAX];
};

/* Makes the sockets: before the process is confined, and once. Without lists it does nothing. */
void blocklist_open(struct blocklist *b, struct settings const *settings);

/* Asks about this client, unless that was done lately. */
void blocklist_ask(struct blocklist *b, struct netaddress const *client);

/* Takes what has come; does not wait. */
void blocklist_look(struct blocklist *b);

/* Waits for the answers. Returns the zone that lists the client; empty when none does. */
struct span blocklist_get(struct blocklist *b);

/*
 * Steps through the lists that gave an alarm or no answer: *i is 0 at first.
 * Returns 1, or 0 after the last. Each is told once.
 */
int blocklist_trouble(struct blocklist *b, size_t *i, struct span *zone, int *is_alarm);

#endif
