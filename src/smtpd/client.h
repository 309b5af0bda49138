#ifndef SMTPD_CLIENT_H
#define SMTPD_CLIENT_H

#include <stdint.h>

#include "lib/netaddress.h"
#include "lib/span.h"
#include "smtpd/settings.h"
#include "wire/datareader.h"

/* Who it is and what the rules give him; known before the greeting. */
struct client {
	char ip[NETADDRESS_TEXT_MAX]; /* "unknown" when it can not be told */
	struct netaddress address;
	int known;          /* whether address is set */
	struct span name;   /* where our starter told it; else it is asked for */
	int allowed;        /* to speak with us at all */
	int relay;          /* may send anywhere */
	int unlimited;      /* rates, delays and lists do not hold for him */
	struct span denial; /* what he is told when he is not allowed; may be empty */
	struct span added;  /* then: what is appended to each of his recipients */
	uint64_t databytes;
	enum data_line_feed line_feed; /* what an LF without its CR is worth from him */
	struct span variables;         /* of the rule, for access_variable_next */
	int is_proxy;                  /* control/proxyhosts: who it is comes in a header */
	int is_check;                  /* the proxy itself, which looks whether we are there */
	int socket;                    /* where to ask for our own address, -1: nowhere */
};

/*
 * Sets *client for the peer of a socket; ip is its address where our starter
 * told it, or NULL. What control/access says about it is applied.
 */
void client_identify(
	struct client *client, struct settings const *settings, int socket, char const *ip);

/* The client is another one, as a proxy says. */
void client_proxied(
	struct client *client, struct settings const *settings, struct netaddress const *address);

/*
 * Our starter may have rules of its own: RELAYCLIENT, DATABYTES and TCPREMOTEHOST
 * of the environment. Returns NULL, or what is wrong with them.
 */
char const *client_environment_apply(struct client *client);

#endif
