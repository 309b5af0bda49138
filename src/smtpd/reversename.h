#ifndef SMTPD_REVERSENAME_H
#define SMTPD_REVERSENAME_H

#include <stdint.h>

#include "lib/netaddress.h"
#include "smtpd/settings.h"
#include "wire/dnsmessage.h"

/*
 * The name of a client: where the PTR record of its address leads, if that
 * name leads back to the address. It is asked for when the client comes and
 * needed when its message does; in between nobody waits. The worker of a
 * client asks once; after trouble with DNS again, but not before REVERSE_PAUSE.
 *
 *   idle    -> pointer   asked for the PTR record
 *   pointer -> address   it came; asked where that name leads
 *   address -> known     back to the client
 *   any     -> nameless  there is no such name; or DNS gave no answer in time
 */
enum reversename_state {
	REVERSE_IDLE,
	REVERSE_POINTER,
	REVERSE_ADDRESS,
	REVERSE_KNOWN,
	REVERSE_NAMELESS
};

enum {
	REVERSE_PAUSE = 60000, /* milliseconds */
	REVERSE_AGAIN = 1000   /* milliseconds after which the next server is asked too */
};

struct reversename {
	enum reversename_state state;
	int troubled; /* nameless for want of an answer */
	int fd[SETTINGS_DNS_MAX];
	size_t servers;
	size_t asked;     /* of them, the present question */
	int64_t asked_at; /* when it was sent last */
	int64_t deadline; /* for all of it */
	uint16_t id;
	struct netaddress client;
	struct dns_name question;
	struct dns_name name; /* when known */
};

/*
 * Makes the sockets: before the process is confined, and once. Without servers
 * in the settings it does nothing, nor for a client on this machine, whose
 * name nobody else knows; NULL is any client.
 */
void reversename_open(
	struct reversename *r, struct settings const *settings, struct netaddress const *client);

/* Asks for the name of this client unless it is known or was asked for just now. */
void reversename_ask(struct reversename *r, struct netaddress const *client, int64_t deadline);

/* Takes what has come; does not wait. */
void reversename_look(struct reversename *r);

/* Waits for the answers until the deadline. Returns the name, empty when there is none. */
struct span reversename_get(struct reversename *r);

#endif
